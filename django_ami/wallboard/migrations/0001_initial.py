"""The permissions."""

from __future__ import annotations

from django.db import migrations, models

__all__ = ["Migration"]


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Wallboard",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
            ],
            options={
                "permissions": (
                    ("view_wallboard", "Can see the wallboard"),
                    ("place_calls", "Can place calls"),
                    ("end_calls", "Can end calls"),
                    ("transfer_calls", "Can transfer calls"),
                    ("pause_agents", "Can pause agents"),
                    ("listen_in", "Can listen in on calls"),
                ),
                "managed": False,
                "default_permissions": (),
            },
        ),
    ]

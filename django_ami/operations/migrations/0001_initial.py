"""The leases, and the listeners that run."""

from __future__ import annotations

from django.db import migrations, models

__all__ = ["Migration"]


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Lease",
            fields=[
                ("server", models.CharField(max_length=200, primary_key=True, serialize=False)),
                ("holder", models.CharField(blank=True, default="", max_length=32)),
                ("holder_name", models.CharField(blank=True, default="", max_length=200)),
                ("token", models.BigIntegerField()),
                ("acquired_at", models.DateTimeField(blank=True, null=True)),
                ("expires_at", models.DateTimeField()),
                ("heard_until", models.DateTimeField(blank=True, null=True)),
            ],
        ),
        migrations.CreateModel(
            name="Listener",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("process", models.CharField(max_length=32)),
                ("server", models.CharField(max_length=200)),
                ("account", models.CharField(max_length=400)),
                ("host", models.CharField(max_length=200)),
                ("pid", models.BigIntegerField()),
                ("version", models.CharField(max_length=50)),
                ("role", models.CharField(max_length=10)),
                ("meant", models.BooleanField(default=False)),
                ("state", models.CharField(max_length=20)),
                ("started_at", models.DateTimeField()),
                ("state_since", models.DateTimeField()),
                ("seen_at", models.DateTimeField()),
                ("token", models.BigIntegerField(blank=True, null=True)),
                ("last_error", models.CharField(blank=True, default="", max_length=500)),
                ("counters", models.JSONField(blank=True, default=dict)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("process", "server"), name="ami_operations_listener_once"
                    )
                ],
            },
        ),
    ]

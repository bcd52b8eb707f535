"""The events that were processed."""

from __future__ import annotations

from django.db import migrations, models

__all__ = ["Migration"]


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="ProcessedEvent",
            fields=[
                ("claim", models.CharField(max_length=80, primary_key=True, serialize=False)),
                ("event", models.CharField(max_length=300)),
                ("key", models.CharField(blank=True, max_length=200)),
                ("at", models.DateTimeField(db_index=True)),
            ],
        ),
    ]

"""The tables."""

from __future__ import annotations

from django.db import migrations, models

__all__ = ["Migration"]


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="FeedWhole",
            fields=[
                ("server", models.CharField(max_length=200, primary_key=True, serialize=False)),
                ("epoch", models.CharField(max_length=32)),
                ("number", models.BigIntegerField()),
                ("at", models.FloatField()),
                ("bodies", models.TextField()),
            ],
        ),
        migrations.CreateModel(
            name="FeedBatch",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("server", models.CharField(max_length=200)),
                ("epoch", models.CharField(max_length=32)),
                ("number", models.BigIntegerField()),
                ("at", models.FloatField()),
                ("bodies", models.TextField()),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("server", "epoch", "number"), name="ami_feed_batch_position"
                    )
                ],
            },
        ),
    ]

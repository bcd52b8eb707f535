"""The action log, and the calls of the last minute."""

from __future__ import annotations

from django.db import migrations, models

__all__ = ["Migration"]


class Migration(migrations.Migration):
    dependencies = [
        ("ami_operations", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="RecentCalls",
            fields=[
                ("user", models.CharField(max_length=100, primary_key=True, serialize=False)),
                ("version", models.BigIntegerField(default=0)),
                ("times", models.JSONField(default=list)),
            ],
        ),
        migrations.CreateModel(
            name="ActionLog",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("at", models.DateTimeField(db_index=True)),
                (
                    "kind",
                    models.CharField(
                        choices=[("user", "User"), ("system", "System"), ("program", "Program")],
                        max_length=10,
                    ),
                ),
                ("who", models.CharField(blank=True, default="", max_length=200)),
                ("user_pk", models.CharField(blank=True, default="", max_length=64)),
                ("via", models.CharField(blank=True, default="", max_length=200)),
                ("host", models.CharField(blank=True, default="", max_length=200)),
                ("pid", models.BigIntegerField()),
                ("server", models.CharField(blank=True, default="", max_length=200)),
                ("action", models.CharField(max_length=100)),
                ("headers", models.JSONField(blank=True, default=list)),
                ("action_id", models.CharField(blank=True, default="", max_length=200)),
                (
                    "outcome",
                    models.CharField(
                        choices=[
                            ("success", "Success"),
                            ("failed", "Failed"),
                            ("timeout", "Timeout"),
                            ("lost", "Lost"),
                            ("not_sent", "Not Sent"),
                            ("cancelled", "Cancelled"),
                            ("refused", "Refused"),
                            ("limited", "Limited"),
                            ("unknown", "Unknown"),
                        ],
                        max_length=10,
                    ),
                ),
                ("reason", models.CharField(blank=True, default="", max_length=500)),
                ("sent", models.BooleanField()),
                ("latency", models.FloatField(blank=True, null=True)),
            ],
            options={
                "verbose_name": "action",
                "verbose_name_plural": "actions",
                "indexes": [
                    models.Index(fields=["who", "at"], name="ami_operations_log_who"),
                    models.Index(fields=["action", "at"], name="ami_operations_log_action"),
                ],
            },
        ),
    ]

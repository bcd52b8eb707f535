"""The calls that are stored before they are made."""

from __future__ import annotations

from django.db import migrations, models

__all__ = ["Migration"]


class Migration(migrations.Migration):
    dependencies = [
        ("ami_calls", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="Origination",
            fields=[
                (
                    "id",
                    models.CharField(
                        editable=False,
                        max_length=150,
                        primary_key=True,
                        serialize=False,
                        verbose_name="id on the server",
                    ),
                ),
                ("key", models.CharField(blank=True, max_length=200, null=True, unique=True)),
                ("server", models.CharField(max_length=100)),
                ("destination", models.CharField(blank=True, default="", max_length=80)),
                ("context", models.CharField(blank=True, default="", max_length=80)),
                ("exten", models.CharField(blank=True, default="", max_length=80)),
                ("application", models.CharField(blank=True, default="", max_length=80)),
                ("asked_by", models.CharField(blank=True, default="", max_length=150)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("unknown", "unknown: ask"),
                            ("made", "made"),
                            ("ended", "ended"),
                            ("never_made", "never made"),
                            ("gone", "gone: never made, or ended unseen"),
                        ],
                        default="unknown",
                        max_length=20,
                    ),
                ),
                ("result", models.CharField(blank=True, default="", max_length=20)),
                ("description", models.CharField(blank=True, default="", max_length=255)),
                ("picked_up", models.BooleanField(default=False)),
                ("cause", models.PositiveIntegerField(blank=True, null=True)),
                ("cause_text", models.CharField(blank=True, default="", max_length=80)),
                ("sip_code", models.PositiveIntegerField(blank=True, null=True)),
                ("talk_seconds", models.FloatField(default=0.0, verbose_name="talk, in seconds")),
                ("inferred", models.BooleanField(default=False)),
                ("created", models.DateTimeField(auto_now_add=True)),
                (
                    "asked",
                    models.DateTimeField(blank=True, null=True, verbose_name="asked for last"),
                ),
                ("ended", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "ordering": ["-created", "-pk"],
                "indexes": [
                    models.Index(fields=["state", "created"], name="ami_calls_orig_state"),
                    models.Index(fields=["created"], name="ami_calls_orig_created"),
                ],
            },
        ),
    ]

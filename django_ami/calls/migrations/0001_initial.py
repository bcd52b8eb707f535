"""The tables."""

from __future__ import annotations

import django.db.models.deletion
from django.db import migrations, models

__all__ = ["Migration"]


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Call",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("server", models.CharField(max_length=100)),
                ("call_id", models.CharField(max_length=150, verbose_name="id on the server")),
                ("direction", models.CharField(blank=True, default="", max_length=20)),
                ("outcome", models.CharField(blank=True, default="", max_length=20)),
                ("started", models.DateTimeField()),
                ("answered", models.DateTimeField(blank=True, null=True)),
                ("ended", models.DateTimeField()),
                ("talk_seconds", models.FloatField(default=0.0, verbose_name="talk, in seconds")),
                ("caller_number", models.CharField(blank=True, default="", max_length=80)),
                ("caller_name", models.CharField(blank=True, default="", max_length=80)),
                ("caller_device", models.CharField(blank=True, default="", max_length=80)),
                ("requested", models.CharField(blank=True, default="", max_length=80)),
                ("destination", models.CharField(blank=True, default="", max_length=80)),
                (
                    "answered_by",
                    models.CharField(
                        blank=True, default="", max_length=80, verbose_name="device that answered"
                    ),
                ),
                (
                    "hung_up_by",
                    models.CharField(
                        blank=True, default="", max_length=80, verbose_name="device that hung up"
                    ),
                ),
                ("cause", models.PositiveIntegerField(default=0)),
                ("tech_cause", models.CharField(blank=True, default="", max_length=20)),
                ("account", models.CharField(blank=True, default="", max_length=80)),
                ("application", models.CharField(blank=True, default="", max_length=80)),
                ("application_data", models.CharField(blank=True, default="", max_length=255)),
                ("variables", models.JSONField(blank=True, default=dict)),
                ("episodes", models.JSONField(blank=True, default=dict)),
                ("inferred", models.BooleanField(default=False)),
                ("batch", models.UUIDField(editable=False)),
            ],
            options={
                "ordering": ["-started", "-pk"],
                "indexes": [
                    models.Index(fields=["started"], name="ami_calls_call_started"),
                    models.Index(fields=["outcome", "started"], name="ami_calls_call_outcome"),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("server", "call_id"), name="ami_calls_call_once"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="MergedCall",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("server", models.CharField(max_length=100)),
                ("call_id", models.CharField(max_length=150)),
                ("into", models.CharField(max_length=150)),
                ("at", models.DateTimeField(db_index=True)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("server", "call_id"), name="ami_calls_merged_once"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="CallLeg",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("place", models.PositiveSmallIntegerField()),
                ("uniqueid", models.CharField(blank=True, default="", max_length=150)),
                ("device", models.CharField(blank=True, default="", max_length=80)),
                ("number", models.CharField(blank=True, default="", max_length=80)),
                ("by", models.CharField(blank=True, default="", max_length=80)),
                ("queue", models.CharField(blank=True, default="", max_length=80)),
                ("begin", models.DateTimeField()),
                ("ringing", models.DateTimeField(blank=True, null=True)),
                ("answered", models.DateTimeField(blank=True, null=True)),
                ("end", models.DateTimeField(blank=True, null=True)),
                ("outcome", models.CharField(blank=True, default="", max_length=20)),
                ("cause", models.PositiveIntegerField(default=0)),
                ("tech_cause", models.CharField(blank=True, default="", max_length=20)),
                (
                    "call",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="legs",
                        to="ami_calls.call",
                    ),
                ),
            ],
            options={
                "ordering": ["place"],
                "abstract": False,
                "constraints": [
                    models.UniqueConstraint(fields=("call", "place"), name="ami_calls_callleg_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="CallNumber",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("number", models.CharField(blank=True, default="", max_length=80)),
                (
                    "call",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="numbers",
                        to="ami_calls.call",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        fields=["number"],
                        name="ami_calls_number",
                        opclasses=("varchar_pattern_ops",),
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("call", "number"), name="ami_calls_number_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="QueueVisit",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("place", models.PositiveSmallIntegerField()),
                ("server", models.CharField(max_length=100)),
                ("queue", models.CharField(blank=True, default="", max_length=80)),
                ("caller", models.CharField(blank=True, default="", max_length=80)),
                ("joined", models.DateTimeField()),
                ("connected", models.DateTimeField(blank=True, null=True)),
                ("left", models.DateTimeField(blank=True, null=True)),
                ("position", models.PositiveIntegerField(default=0)),
                ("result", models.CharField(blank=True, default="", max_length=20)),
                ("agent", models.CharField(blank=True, default="", max_length=80)),
                ("ring_seconds", models.FloatField(blank=True, null=True)),
                ("wait_seconds", models.FloatField(default=0.0)),
                ("talk_seconds", models.FloatField(blank=True, null=True)),
                (
                    "call",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="visits",
                        to="ami_calls.call",
                    ),
                ),
            ],
            options={
                "ordering": ["place"],
                "abstract": False,
                "indexes": [
                    models.Index(fields=["queue", "joined"], name="ami_calls_visit_queue"),
                    models.Index(fields=["agent", "joined"], name="ami_calls_visit_agent"),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("call", "place"), name="ami_calls_queuevisit_once"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="TalkSegment",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("place", models.PositiveSmallIntegerField()),
                ("a", models.CharField(blank=True, default="", max_length=80)),
                ("b", models.CharField(blank=True, default="", max_length=80)),
                ("begin", models.DateTimeField()),
                ("end", models.DateTimeField()),
                (
                    "call",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="talks",
                        to="ami_calls.call",
                    ),
                ),
            ],
            options={
                "ordering": ["place"],
                "abstract": False,
                "constraints": [
                    models.UniqueConstraint(
                        fields=("call", "place"), name="ami_calls_talksegment_once"
                    )
                ],
            },
        ),
    ]

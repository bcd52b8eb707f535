"""Handovers on request, versions and latencies of servers, and keys of forms that were sent."""

from __future__ import annotations

from django.db import migrations, models

__all__ = ["Migration"]


class Migration(migrations.Migration):
    dependencies = [("ami_operations", "0002_action_log")]

    operations = [
        migrations.AlterModelOptions(
            name="lease",
            options={
                "permissions": [
                    ("hand_over_lease", "Can have a lease handed over"),
                    ("send_actions", "Can send actions from the admin"),
                ],
                "verbose_name": "server",
                "verbose_name_plural": "servers",
            },
        ),
        migrations.AlterModelOptions(
            name="listener",
            options={"verbose_name": "listener", "verbose_name_plural": "listeners"},
        ),
        migrations.AddField(
            "lease", "handover_requested_at", models.DateTimeField(blank=True, null=True)
        ),
        migrations.AddField(
            "lease",
            "handover_requested_by",
            models.CharField(blank=True, default="", max_length=150),
        ),
        migrations.AddField(
            "listener",
            "asterisk_version",
            models.CharField(blank=True, default="", max_length=100),
        ),
        migrations.AddField(
            "listener", "ami_version", models.CharField(blank=True, default="", max_length=20)
        ),
        migrations.AddField(
            "listener", "ping_round_trip", models.FloatField(blank=True, null=True)
        ),
        migrations.CreateModel(
            name="IdempotencyKey",
            fields=[
                ("key", models.CharField(max_length=64, primary_key=True, serialize=False)),
                ("used_at", models.DateTimeField()),
                ("outcome", models.CharField(blank=True, default="", max_length=500)),
            ],
        ),
    ]

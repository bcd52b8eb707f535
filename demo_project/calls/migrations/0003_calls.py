"""Rows are calls, as people count them, and no longer channels."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("calls", "0002_linkedid")]

    operations = [
        migrations.DeleteModel(name="Call"),
        migrations.CreateModel(
            name="Call",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("server", models.CharField(max_length=50)),
                ("call_id", models.CharField(max_length=150)),
                ("caller", models.CharField(blank=True, max_length=255)),
                ("number", models.CharField(blank=True, max_length=80)),
                ("state", models.CharField(blank=True, max_length=20)),
                ("started", models.DateTimeField(auto_now_add=True)),
                ("ended", models.DateTimeField(null=True)),
                ("outcome", models.CharField(blank=True, max_length=20)),
                ("talk_seconds", models.FloatField(default=0)),
            ],
            options={"ordering": ["-started", "-pk"], "unique_together": {("server", "call_id")}},
        ),
    ]

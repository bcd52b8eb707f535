"""What a person may ask for."""

from django import forms
from django.core.validators import RegexValidator


class CallForm(forms.Form):
    """Click to call: which extension of ours, and whom to connect it with."""

    extension = forms.CharField(max_length=20, validators=[RegexValidator(r"\A[0-9A-Za-z_.-]+\Z")])
    number = forms.CharField(max_length=40, validators=[RegexValidator(r"\A[0-9*#+]+\Z")])

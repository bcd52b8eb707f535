"""The form of an action: a field for each parameter of the catalogue, and one for more headers."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from django import forms
from django.contrib.admin import widgets
from django.contrib.admin.helpers import AdminForm
from django.core.exceptions import ValidationError
from django.utils.html import escape, format_html, format_html_join
from django.utils.safestring import mark_safe
from django.utils.translation import gettext as _

from django_ami.core.redaction import is_secret_of, redacted
from django_ami.tools.sending import action_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from django.utils.safestring import SafeString

    from django_ami.catalog import ActionInfo, Parameter
    from django_ami.core.actions import Action

    ModelAdmin = Any

__all__ = ["ActionForm"]

_KEY: Final = re.compile(r"[0-9a-f]{32}")
#: The field for headers that the catalogue does not know, and the beginning of the others' names.
_MORE: Final = "more"
_HEADER: Final = "header-"
_CODE: Final = re.compile(r"``(.+?)``")


class _Suggesting(widgets.AdminTextInputWidget):
    """A field that suggests what is documented, and takes anything."""

    def __init__(self, choices: Iterable[str]) -> None:
        super().__init__(attrs={"autocomplete": "off"})
        self._choices = tuple(choices)

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        list_id = f"list-{name}"
        field = super().render(name, value, {**(attrs or {}), "list": list_id}, renderer)
        options = format_html_join(
            "", '<option value="{}"></option>', ((c,) for c in self._choices)
        )
        return format_html('{}<datalist id="{}">{}</datalist>', field, list_id, options)


class ActionForm(forms.Form):
    """An action with its server. ``action`` builds it, once the form is valid."""

    key = forms.CharField(widget=forms.HiddenInput)

    def __init__(self, info: ActionInfo, servers: Iterable[str], *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self.info = info
        names = list(servers)
        self.fields["server"] = forms.ChoiceField(
            label=_("Server"), choices=[(name, name) for name in names]
        )
        for parameter in info.parameters:
            self.fields[_field(parameter)] = _field_of(info.name, parameter)
        self.fields[_MORE] = forms.CharField(
            label=_("Further headers"),
            required=False,
            widget=widgets.AdminTextareaWidget(attrs={"rows": 2}),
            help_text=_("One on each line, as <code>Key: value</code>."),
        )

    def demand_confirmation(self, why: str) -> None:
        """Ask for a tick that says that the danger is understood."""
        self.fields["confirm"] = forms.BooleanField(
            label=_("Yes, send it"),
            help_text=escape(why),
            error_messages={"required": _("This action is dangerous: confirm that you mean it.")},
        )

    def clean_key(self) -> str:
        key: str = self.cleaned_data["key"]
        if not _KEY.fullmatch(key):
            raise ValidationError(_("Load this form again: it has lost its key."))
        return key

    def clean_more(self) -> list[str]:
        """The further headers, as ``Key=value``."""
        return [_header(line) for line in self.cleaned_data["more"].splitlines() if line.strip()]

    def action(self) -> Action:
        """The action of a valid form. Fields that are empty are left out."""
        info = self.info
        given = [f"{name}={value}" for name, value in self._filled()]
        final_event = None if info.items else info.final_event
        return action_of(info.name, [*given, *self.cleaned_data["more"]], final_event)

    def without_secrets(self) -> dict[str, Any]:
        """The values of a sent form, but for secrets: those are to be typed again."""
        values: dict[str, Any] = dict(self.data.items())
        names = [name for name in self.fields if name == _MORE or name.startswith(_HEADER)]
        lines = [(name, line) for name in names for line in values.pop(name, "").splitlines()]
        pairs = [_pair(name, line) for name, line in lines]
        for (name, line), pair, told in zip(
            lines, pairs, redacted(pairs, action=self.info.name), strict=True
        ):
            if pair == told:
                values[name] = f"{values[name]}\n{line}" if name in values else line
        return values

    def _filled(self) -> Iterator[tuple[str, str]]:
        for parameter in self.info.parameters:
            value = self.cleaned_data[_field(parameter)]
            for text in value.splitlines() if parameter.repeatable else [value]:
                if text:
                    yield parameter.name, text

    def in_admin(self, model_admin: ModelAdmin) -> AdminForm:
        """The form in the frame of the admin's own ones."""
        names = [name for name in self.fields if name != "key"]
        return AdminForm(self, [(None, {"fields": names})], {}, model_admin=model_admin)  # type: ignore[arg-type]


def _field(parameter: Parameter) -> str:
    return f"{_HEADER}{parameter.name}"


def _pair(name: str, line: str) -> tuple[str, str]:
    """A line of a field, as a header."""
    if name != _MORE:
        return name.removeprefix(_HEADER), line
    key, _, value = line.partition(":")
    return key.strip(), value.strip()


def _header(line: str) -> str:
    key, colon, value = line.partition(":")
    if not (key.strip() and colon):
        raise ValidationError(
            _("%(line)s is no header: write it as in “Channel: PJSIP/101”."), params={"line": line}
        )
    return f"{key.strip()}={value.strip()}"


def _field_of(action: str, parameter: Parameter) -> forms.Field:
    widget: forms.Widget
    if is_secret_of(action, parameter.name):
        widget = forms.PasswordInput(attrs={"autocomplete": "off", "class": "vTextField"})
    elif parameter.repeatable:
        widget = widgets.AdminTextareaWidget(attrs={"rows": 3})
    elif parameter.choices:
        widget = _Suggesting(parameter.choices)
    else:
        widget = widgets.AdminTextInputWidget(attrs={"autocomplete": "off"})
    return forms.CharField(
        label=parameter.name,
        required=parameter.required,
        widget=widget,
        help_text=_help(parameter),
    )


def _help(parameter: Parameter) -> str:
    """Its description, in HTML."""
    parts = [_CODE.sub(r"<code>\1</code>", escape(parameter.description))]
    if parameter.default:
        default = _("by default %(default)s") % {"default": parameter.default}
        parts.append(escape(default))
    if parameter.repeatable:
        parts.append(escape(_("one on each line")))
    return mark_safe("; ".join(filter(None, parts)))  # noqa: S308  (escaped above)

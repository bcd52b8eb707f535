from django.http import JsonResponse

from django_ami import ami
from django_ami.actions import Originate
from django_ami.errors import AmiError


def call(request):
    try:
        response = ami.send(
            Originate(channel="PJSIP/101", application="Wait", data="1"), timeout=5
        ).result()
    except AmiError as error:
        return JsonResponse({"error": str(error), "sent": error.sent}, status=503)
    return JsonResponse({"message": response.message})

"""A small site that uses django_ami as a user would."""

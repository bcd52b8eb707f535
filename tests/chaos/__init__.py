"""The worst cases of an AMI client.

Started programs, real TCP, and servers and receivers that misbehave.
"""

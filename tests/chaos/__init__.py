"""The worst cases of an AMI client: started programs, real TCP, and servers and receivers that
misbehave.
"""

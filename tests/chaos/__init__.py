"""What a client of AMI has to survive: started programs, real TCP, and servers and receivers that misbehave."""

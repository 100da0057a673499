"""What ECR allows, does and says, whichever door a request comes by."""

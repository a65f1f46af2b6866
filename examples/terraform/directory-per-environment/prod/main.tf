# One environment. Every environment is a root module of its own, with the
# same code and its own terraform.tfvars: nothing is shared, so nothing that
# changes here can reach another one.

terraform {
  required_version = ">= 1.4"
}

variable "environment" {
  type = string
}

variable "services" {
  description = "Replicas by service."
  type        = map(number)

  validation {
    condition     = alltrue([for n in values(var.services) : n > 0])
    error_message = "Every service needs at least one replica."
  }
}

resource "terraform_data" "service" {
  for_each = var.services
  input = {
    environment = var.environment
    name        = each.key
    replicas    = each.value
  }
}

check "replicas" {
  assert {
    condition     = sum(values(var.services)) <= 20
    error_message = "More than 20 replicas in ${var.environment}: is that meant?"
  }
}

output "services" {
  value = { for name, s in terraform_data.service : name => s.output.replicas }
}

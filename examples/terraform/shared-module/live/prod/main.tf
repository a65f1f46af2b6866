terraform {
  required_version = ">= 1.4"
}

variable "directory" {
  description = "Absolute path of the directory that is served."
  type        = string
}

module "page" {
  source = "../../modules/page"
  file   = "${var.directory}/prod.txt"
  title  = "Welcome"
  text   = "Everything here comes from Git."
}

output "page" {
  value = module.page.file
}

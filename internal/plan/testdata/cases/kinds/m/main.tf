resource "terraform_data" "inner" {
  input = "1"
}

module github.com/hashicorp/terraform/internal/backend/remote-state

go 1.26.0

require github.com/hashicorp/terraform v1.13.3

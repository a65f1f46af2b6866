// Package gcs takes the place of the backend "gcs".
package gcs

import (
	"github.com/hashicorp/terraform/internal/backend"
	"github.com/hashicorp/terraform/internal/backend/remote-state/absent"
)

func New() backend.Backend { return absent.New("gcs") }

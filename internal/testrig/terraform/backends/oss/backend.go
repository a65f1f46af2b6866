// Package oss takes the place of the backend "oss".
package oss

import (
	"github.com/hashicorp/terraform/internal/backend"
	"github.com/hashicorp/terraform/internal/backend/remote-state/absent"
)

func New() backend.Backend { return absent.New("oss") }

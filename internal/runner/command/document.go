package command

import (
	"context"

	"github.com/hashicorp/terraform-exec/tfexec"

	"github.com/tfops/tfops/internal/job"
	"github.com/tfops/tfops/internal/runner/diagnostics"
	"github.com/tfops/tfops/internal/runner/limits"
)

// Document runs a command that prints one document, which people call by what it is, and gives that.
func (e *Engine) Document(ctx context.Context, what, name string,
	call func(context.Context, *tfexec.Terraform) error) ([]byte, error) {
	shown := diagnostics.Whole{What: what, Most: limits.Whole()}
	_, err := e.Run(ctx, name, func(ctx context.Context, tf *tfexec.Terraform, _ *diagnostics.Output) error {
		tf.SetStdout(&shown) // it would go into the log otherwise
		return call(ctx, tf)
	})
	b, long := shown.Bytes()
	if long != nil && (err == nil || diagnostics.FailureOf(ctx, err).Cause != job.CauseLimit) {
		err = long // what it is too long for is not what is wrong with it
	}
	return b, err
}

package notify

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/nicholas-fedor/shoutrrr/pkg/router"
	"github.com/nicholas-fedor/shoutrrr/pkg/types"
)

// open makes a service of its URL; a defect of the library is an error like any
// other.
func OpenService(raw string) (made types.Service, err error) {
	defer func() {
		if p := recover(); p != nil {
			made, err = nil, fmt.Errorf("the library failed: %v", p)
		}
	}()
	u, err := url.Parse(raw)
	if err != nil {
		return nil, err
	}
	var r router.ServiceRouter
	if strings.Contains(u.Scheme, "+") { // such as teams+https://
		return r.Locate(raw)
	}
	made, err = r.NewService(u.Scheme)
	if err != nil {
		return nil, err
	}
	// Not through the router, which hides what is wrong.
	return made, made.Initialize(u, nil)
}

// Services are the schemes that can be sent to.
func Services(r *router.ServiceRouter) string {
	all := append(r.ListServices(), "https", "http", "smtps")
	all = slices.DeleteFunc(all, func(s string) bool { return s == "" || s == "logger" })
	slices.Sort(all)
	return strings.Join(all, ", ")
}

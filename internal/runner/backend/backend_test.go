package backend

import (
	"fmt"
	"strings"
	"testing"
)

func TestNaming(t *testing.T) {
	env := map[string]string{"PG_CONN_STR": "postgres://ana:canary@db:5432/tf?sslmode=disable",
		"TF_HTTP_ADDRESS": "https://x/y"}
	tests := []struct {
		kind   string
		config map[string]any
		want   string
	}{
		{"s3", map[string]any{"bucket": "b", "key": "k", "region": "r", "access_key": "canary", "secret_key": "canary",
			"endpoints": []any{map[string]any{"s3": "http://canary:canary@h:1/"}}},
			"map[bucket:b endpoint:http://h:1 key:k]"},
		{"s3", map[string]any{"bucket": "b", "key": "k", "endpoint": nil, "endpoints": nil}, "map[bucket:b key:k]"},
		{"gcs", map[string]any{"bucket": "b", "prefix": "/p/", "credentials": "canary"}, "map[bucket:b prefix:p]"},
		{"http", map[string]any{"address": "https://u:canary@h/s?token=canary", "password": "canary"},
			"map[address:https://h/s]"},
		{"http", map[string]any{"address": "https://u:canary@h/s?token=canary&state=prod"}, "map[address:https://h/s?" +
			hashed("state=prod") + "]"},
		{"http", map[string]any{"address": "https://h/s?state=prod&Signature=canary&sig=canary"},
			"map[address:https://h/s?" + hashed("state=prod") + "]"},
		{"http", map[string]any{}, "map[address:https://x/y]"},
		{"pg", map[string]any{"schema_name": "s"}, "map[conn_str:" + hashed("db/tf") + " schema_name:s]"},
		{"pg", map[string]any{"conn_str": "host=db port=5432 dbname=tf password=canary"}, "map[conn_str:" +
			hashed("db/tf") + "]"},
		{"cloud", map[string]any{"organization": "o", "token": "canary",
			"workspaces": []any{map[string]any{"name": "w", "tags": nil}}},
			"map[organization:o workspaces:map[name:w tags:<nil>]]"},
		{"local", map[string]any{"path": "/a/../b"}, "map[path:/b]"},
		{"novel", map[string]any{"place": "p", "api_token": "canary", "client_secret": "canary", "null": nil},
			"map[place:p]"},
	}
	for _, tt := range tests {
		got := Naming(tt.kind, tt.config, env, nil)
		if text := fmt.Sprint(got.Config); text != tt.want || strings.Contains(text, "canary") {
			t.Errorf("%s: got %s, want %s", tt.kind, text, tt.want)
		}
	}
}

// A secret that names a state is hashed, wherever it was given; what is not given as one stands
// as it is.
func TestNamingOfSecrets(t *testing.T) {
	env := map[string]string{"PG_SCHEMA_NAME": "canary", "PG_CONN_STR": "postgres://u:canary@db/tf"}
	secret := []string{"address", "conn_str", "PG_SCHEMA_NAME", "path"}
	for _, tt := range []struct {
		kind   string
		config map[string]any
		want   string
	}{
		{"http", map[string]any{"address": "https://h/canary/"}, "map[address:" + hashed("https://h/canary") + "]"},
		{"pg", map[string]any{}, "map[conn_str:" + hashed("db/tf") + " schema_name:" + hashed("canary") + "]"},
		{"pg", map[string]any{"schema_name": "plain", "conn_str": "host=db dbname=tf password=canary"},
			"map[conn_str:" + hashed("db/tf") + " schema_name:plain]"},
		{"local", map[string]any{"path": "/x/canary"}, "map[path:" + hashed("/x/canary") + "]"},
		{"s3", map[string]any{"bucket": "b", "key": "k"}, "map[bucket:b key:k]"},
	} {
		if got := fmt.Sprint(Naming(tt.kind, tt.config, env, secret).Config); got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.kind, got, tt.want)
		}
	}
}

// Addresses that lead to one place name one state, whichever way they are written.
func TestOneAddressOfAState(t *testing.T) {
	named := func(kind, key, address string) string {
		return fmt.Sprint(Naming(kind, map[string]any{key: address}, nil, nil).Config)
	}
	for _, same := range [][]string{
		{"http://localhost:8080/s", "http://127.0.0.1:8080/s", "http://127.0.0.1:8080/s?", "http://LOCALHOST:8080/s/",
			"http://[::1]:8080/s", "http://u:p@localhost.:8080/s#x", "http://0.0.0.0:8080/s"},
		{"https://state.example.com/a", "https://STATE.example.com:443/a", "HTTPS://state.example.com/a/"},
		{"http://[2001:db8::1]/a", "http://[2001:DB8::1]:80/a"},
	} {
		for _, a := range same {
			if got, want := named("http", "address", a), named("http", "address", same[0]); got != want {
				t.Errorf("%s: %s, and %s: %s", a, got, same[0], want)
			}
		}
	}
	for _, same := range [][]string{{"postgres://db/tf", "postgres://u:p@DB:5432/tf?sslmode=disable",
		"host=db dbname=tf", "host=db port=5432 dbname=tf user=u"}} {
		for _, a := range same {
			if got, want := named("pg", "conn_str", a), named("pg", "conn_str", same[0]); got != want {
				t.Errorf("%s: %s, and %s: %s", a, got, same[0], want)
			}
		}
	}
	for _, other := range [][2]string{{"http://h/a", "https://h/a"}, {"http://h/a", "http://h:8080/a"},
		{"http://h/a", "http://h/A"}, {"http://h/a?x=1", "http://h/a?x=2"}, {"http://h/a", "http://i/a"}} {
		if named("http", "address", other[0]) == named("http", "address", other[1]) {
			t.Errorf("%s and %s name one state", other[0], other[1])
		}
	}
}

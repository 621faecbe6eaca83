// Package look holds the style sheet and the script that the console and the pages of the
// sign-up example share.
package look

import (
	"embed"
	"io/fs"
	"net/http"
)

// folder is the folder of the assets, here and in the packages that call Handler.
const folder = "assets"

//go:embed assets
var files embed.FS

// Handler serves the files of the folder assets of own, and beside them the shared files:
// base.css, with colours, type, tables, buttons and fields, and morph.js, with a function that
// updates a part of a page.
func Handler(own fs.FS) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", serve(own))
	for _, shared := range []string{"/base.css", "/morph.js"} {
		mux.Handle(shared, serve(files))
	}
	return mux
}

func serve(files fs.FS) http.Handler {
	assets, err := fs.Sub(files, folder)
	if err != nil {
		panic(err) // the name is a constant
	}
	return http.FileServerFS(assets)
}

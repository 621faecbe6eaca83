package browser

// Look is how a page is looked at.
type Look struct {
	Name          string // of a screenshot: "light", "phone-dark"
	Dark          bool
	Width, Height int64 // in CSS pixels
}

// Looks returns both themes, on a desk and on a phone.
func Looks() []Look {
	return []Look{
		{Name: "light", Width: 1280, Height: 900},
		{Name: "dark", Width: 1280, Height: 900, Dark: true},
		{Name: "phone-light", Width: 360, Height: 740},
		{Name: "phone-dark", Width: 360, Height: 740, Dark: true},
	}
}

func (l Look) scheme() string {
	if l.Dark {
		return "dark"
	}
	return "light"
}

package browser

// Look is a colour scheme and a window size in which a page is shown.
type Look struct {
	Name          string // part of the screenshot's file name: "light", "phone-dark"
	Dark          bool
	Width, Height int64 // in CSS pixels
}

// Looks returns both colour schemes, each with the window size of a desktop and of a phone.
func Looks() []Look {
	return []Look{
		{Name: "light", Width: 1280, Height: 900},
		{Name: "dark", Width: 1280, Height: 900, Dark: true},
		{Name: "phone-light", Width: 360, Height: 740},
		{Name: "phone-dark", Width: 360, Height: 740, Dark: true},
	}
}

// Pictures returns both colour schemes, each with the size of a picture for the documentation.
func Pictures() []Look {
	return []Look{
		{Name: "light", Width: 1200, Height: 630},
		{Name: "dark", Width: 1200, Height: 630, Dark: true},
	}
}

func (l Look) scheme() string {
	if l.Dark {
		return "dark"
	}
	return "light"
}

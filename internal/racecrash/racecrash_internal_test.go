package racecrash

import "testing"

func TestACrashOfTheRaceDetectorIsNotAFailure(t *testing.T) {
	t.Parallel()
	for output, want := range map[string]bool{
		"ThreadSanitizer: CHECK failed: tsan_rtl.cpp:346":                                                 true,
		"fatal error: unexpected return pc for runtime.sigpanic called from 0x0":                          true,
		"WARN a line of a log\nSIGSEGV: segmentation violation\nPC=0x437870 m=0":                          true,
		"panic: runtime error: invalid memory address\n[signal SIGSEGV: segmentation violation code=0x1]": false,
		"--- FAIL: TestX": false,
	} {
		if got := crashed([]byte(output)); got != want {
			t.Errorf("%q is a crash: %v, want %v", output, got, want)
		}
	}
}

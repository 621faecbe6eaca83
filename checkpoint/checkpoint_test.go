package checkpoint_test

import (
	"math"
	"strings"
	"testing"

	"github.com/warren-mq/warren/checkpoint"
)

func TestTheLastSavedValueIsLoaded(t *testing.T) {
	t.Parallel()
	s := checkpoint.NewState("")
	ctx := checkpoint.NewContext(t.Context(), s)
	row := 7
	if found, err := checkpoint.Load(ctx, &row); found || err != nil || row != 7 {
		t.Errorf("without a checkpoint Load returned %v, %v and %d, want false and 7", found, err, row)
	}
	for _, v := range []int{1, 2, 3} {
		if err := checkpoint.Save(ctx, v); err != nil {
			t.Fatal(err)
		}
	}
	next := checkpoint.NewContext(t.Context(), checkpoint.NewState(s.Value()))
	if found, err := checkpoint.Load(next, &row); !found || err != nil || row != 3 {
		t.Errorf("Load returned %v, %v and %d, want 3", found, err, row)
	}
}

func TestAValueThatCannotBeSavedKeepsTheOneBefore(t *testing.T) {
	t.Parallel()
	for name, v := range map[string]any{
		"a value that has no JSON": func() {}, "a value that is too large": strings.Repeat("x", checkpoint.MaxBytes),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := checkpoint.NewState(`"before"`)
			if err := checkpoint.Save(checkpoint.NewContext(t.Context(), s), v); err == nil || !strings.HasPrefix(err.Error(), "checkpoint: save: ") {
				t.Errorf("Save returned %v, want an error", err)
			}
			if s.Value() != `"before"` {
				t.Errorf("the value is %s, want the one before", s.Value())
			}
		})
	}
}

func TestAValueOfAnotherTypeIsAnError(t *testing.T) {
	t.Parallel()
	var row int
	ctx := checkpoint.NewContext(t.Context(), checkpoint.NewState(`{"row":3}`))
	if found, err := checkpoint.Load(ctx, &row); found || err == nil || !strings.HasPrefix(err.Error(), "checkpoint: load: ") {
		t.Errorf("Load returned %v, %v, want an error", found, err)
	}
}

func TestOutsideAWorkerThereIsNoCheckpoint(t *testing.T) {
	t.Parallel()
	if err := checkpoint.Save(t.Context(), 1); err != nil {
		t.Error(err)
	}
	checkpoint.Progress(t.Context(), 1)
	var row int
	if found, err := checkpoint.Load(t.Context(), &row); found || err != nil {
		t.Errorf("Load returned %v, %v, want none", found, err)
	}
}

func TestProgressIsFrom0To1(t *testing.T) {
	t.Parallel()
	s := checkpoint.NewState("")
	ctx := checkpoint.NewContext(t.Context(), s)
	for done, want := range map[float64]float64{-1: 0, 0.5: 0.5, 7: 1, math.Inf(1): 1} {
		if checkpoint.Progress(ctx, done); s.Progress() != want {
			t.Errorf("after %v the progress is %v, want %v", done, s.Progress(), want)
		}
	}
	if checkpoint.Progress(ctx, math.NaN()); s.Progress() != 0 {
		t.Errorf("after NaN the progress is %v, want 0", s.Progress())
	}
}

func TestAContextThatRefuses(t *testing.T) {
	t.Parallel()
	ctx := checkpoint.Refuse(checkpoint.NewContext(t.Context(), checkpoint.NewState("1")), "this is a batch")
	if err := checkpoint.Save(ctx, 2); err == nil || err.Error() != "checkpoint: save: this is a batch" {
		t.Errorf("Save returned %v, want an error with the reason", err)
	}
	var row int
	if found, err := checkpoint.Load(ctx, &row); found || err != nil {
		t.Errorf("Load returned %v, %v, want none", found, err)
	}
}

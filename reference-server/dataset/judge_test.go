package dataset_test

import (
	"bytes"
	"testing"

	"github.com/bulkproof/bulkproof/checks/resource"
	"github.com/bulkproof/bulkproof/reference-server/dataset"
)

// TestJudgeFindsNothing runs the suite's own validator over the data: a clean server must not trip it.
func TestJudgeFindsNothing(t *testing.T) {
	r4, err := resource.For("4.0.1")
	if err != nil {
		t.Fatal(err)
	}
	// A judge that is blind would agree with anything.
	broken := hold(t, first(t, newSet(t, 1, 5), "Observation"))
	found := 0
	resource.NewJudge(r4, resource.Options{}).Line(bytes.Replace(broken.JSON, []byte(`"status":"`), []byte(`"status":"un`), 1),
		func(resource.Problem) { found++ })
	if found == 0 {
		t.Fatal("the judge misses a status that no Observation has")
	}
	seeds(t, func(t *testing.T, s *dataset.Set, list []*held) {
		judge := resource.NewJudge(r4, resource.Options{})
		for _, h := range list {
			head := judge.Line(h.JSON, func(p resource.Problem) {
				t.Errorf("%s: %s at %s: %s", h.ref(), p.Rule, p.Pointer, p.Message)
			})
			if !head.Object || head.ResourceType != h.Type || head.ID != h.ID {
				t.Errorf("%s: the judge reads %s/%s", h.ref(), head.ResourceType, head.ID)
			}
		}
	})
}

func first(t *testing.T, s *dataset.Set, typ string) *dataset.Resource {
	t.Helper()
	for r := range s.Resources(typ) {
		return r
	}
	t.Fatalf("no %s", typ)
	return nil
}

from dataclasses import replace

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from eval.fitting import Example, Penalties, _ridge, fit, held_out, learner
from tests.scripted import recipes

RECIPES = recipes()
OPTIONS = RECIPES.categories["diet"].names


def examples(count=40, *, seed=0, noise=0.5, bias=2.0):
    """Recipes whose scores are far too eager, and rank meat right but for the noise."""
    random = np.random.default_rng(seed)
    made = []
    for number in range(count):
        meat = number % 4 == 0
        odds = random.normal(bias + 2 * meat, noise, size=3)
        odds[1:] = random.normal(bias, noise, size=2)
        diet = dict(zip(OPTIONS, (1 / (1 + np.exp(-odds))).tolist(), strict=True))
        scores = {"diet": diet, "baked": {"baked": 0.5, "unknown": 0.5}}
        labels = {"diet": frozenset(["meat"] if meat else []), "baked": frozenset(["baked"])}
        made.append(Example(f"r{number:02}", scores, labels))
    return made


def test_the_ridge_is_that_of_scikit_learn():
    random = np.random.default_rng(1)
    design = random.normal(size=(60, 4))
    chosen = (design[:, 0] + random.normal(size=60) > 0).astype(float)
    theirs = LogisticRegression(C=0.5, fit_intercept=False, tol=1e-10).fit(design, chosen)
    ours = _ridge(design, chosen, np.full(4, 2.0), np.zeros(60))
    assert ours == pytest.approx(theirs.coef_[0], abs=1e-5)


def test_an_eager_score_becomes_a_probability():
    made = examples(200)
    weights = fit(made, RECIPES)
    told = np.array([weights.probabilities(e.scores)["diet"]["meat"] for e in made])
    truth = np.array(["meat" in e.labels["diet"] for e in made])
    assert told.mean() == pytest.approx(truth.mean(), abs=0.02)
    assert ((told >= 0.5) == truth).mean() > 0.95


def test_an_option_that_never_held_keeps_a_small_probability():
    made = examples()
    told = fit(made, RECIPES).probabilities(made[0].scores)["diet"]["vegan"]
    assert 0 < told < 0.2


def test_without_telling_scores_all_that_is_left_is_the_base_rate():
    random = np.random.default_rng(3)
    flat = [
        Example(f"r{n}", {"diet": dict.fromkeys(OPTIONS, random.uniform(0.4, 0.6))},
                {"diet": frozenset(["meat"] if n % 4 == 0 else [])})
        for n in range(80)
    ]  # fmt: skip
    told = fit(flat, RECIPES).probabilities(flat[1].scores)["diet"]["meat"]
    assert told == pytest.approx(0.25, abs=0.05)


def test_stronger_priors_hold_the_weights_nearer_to_the_shared_slope():
    def other(penalties):
        fits = fit(examples(), RECIPES, penalties).categories["diet"]
        place = fits.inputs.index("diet/vegan")
        return abs(fits.options["meat"].weights[place])

    assert other(Penalties(category=1000)) < other(Penalties(category=1)) / 10


def test_a_held_out_probability_does_not_depend_on_the_label_of_its_own_incident():
    made = examples(20)
    turned = [Example(made[0].id, made[0].scores, {**made[0].labels, "diet": frozenset()}),
              *made[1:]]  # fmt: skip
    before, after = (held_out(m, learner(RECIPES), folds=20) for m in (made, turned))
    assert before[made[0].id] == after[made[0].id]
    assert before[made[1].id] != after[made[1].id]


def test_every_incident_is_held_out_once():
    made = examples(13)
    assert sorted(held_out(made, learner(RECIPES), folds=5)) == [e.id for e in made]


def test_a_category_that_a_gate_closed_is_learnt_from_the_others():
    made = examples(12)
    open_ = {"heat": {"gentle": 0.5, "fierce": 0.6}}
    some = [Example(e.id, {**e.scores, **open_}, {**e.labels, "heat": frozenset(["fierce"])})
            for e in made[:6]]  # fmt: skip
    weights = fit([*some, *made[6:]], RECIPES)
    assert weights.probabilities(some[0].scores)["heat"]["fierce"] > 0.5
    assert not any(k.startswith("heat/") for k in weights.categories["diet"].inputs)


def test_what_was_not_scored_is_learnt_from_the_rest():
    made = [replace(e, scores={"diet": e.scores["diet"]}) for e in examples(12)]
    weights = fit(made, RECIPES)
    assert (weights.read, weights.asks("baked")) == ({"diet"}, False)
    assert weights.probabilities(made[0].scores)["baked"]["baked"] > 0.5


def test_nothing_to_fit_on_is_a_mistake():
    with pytest.raises(ValueError, match="no example"):
        fit([], RECIPES)


def with_words(count=40):
    """Recipes whose scores tell nothing, and whose texts name what they hold."""
    made = []
    for number, one in enumerate(examples(count, bias=0.0)):
        meat = "meat" in one.labels["diet"]
        flat = {**one.scores, "diet": dict.fromkeys(OPTIONS, 0.5)}
        text = f"Recipe {'with a roast' if meat else 'from the garden'}, number {'x' * number}"
        made.append(Example(one.id, flat, one.labels, text))
    return made


def test_the_words_weights_are_about_no_mean_text():
    made = with_words()
    weights = fit(made, RECIPES)
    read = {"diet": dict.fromkeys(OPTIONS, 0.5), "baked": {"baked": 0.5, "unknown": 0.5}}
    blank, roast = (weights.probabilities(read, t)["diet"]["meat"] for t in ("", "with a roast"))
    assert blank < 0.5 < roast


def test_without_any_text_only_scores_are_read():
    weights = fit(examples(), RECIPES)
    assert weights.vocabulary.idf == {}
    assert {len(f.words) for c in weights.categories.values() for f in c.options.values()} == {0}


def test_that_nothing_holds_is_told_too():
    made = examples(80)
    weights = fit(made, RECIPES)
    told = np.array([weights.probabilities(e.scores)["diet"]["unknown"] for e in made])
    none = np.array([not e.labels["diet"] for e in made])
    assert told.mean() == pytest.approx(none.mean(), abs=0.03)
    assert np.median(told[none]) > 0.75
    assert np.median(told[~none]) < 0.5
    assert "unknown" not in weights.categories["baked"].options


def with_states(count=40, *, seed=3):
    """Recipes whose scores tell nothing, and whose states lean to one side where there is meat."""
    random = np.random.default_rng(seed)
    made = []
    for one in with_words(count):
        lean = 2.0 if "meat" in one.labels["diet"] else -2.0
        state = 50 + random.normal(size=12) * 4
        state[:6] += lean * 4
        made.append(Example(one.id, one.scores, one.labels, "", tuple(state.tolist())))
    return made


@pytest.mark.parametrize("telling", [with_words, with_states])
def test_words_and_states_tell_what_scores_do_not(telling):
    made = telling()
    told = held_out(made, learner(RECIPES))
    said = {e.id: told[e.id]["diet"]["meat"] for e in made}
    assert all((said[e.id] >= 0.5) == ("meat" in e.labels["diet"]) for e in made), said


def test_the_states_directions_give_the_probabilities_of_its_numbers():
    made = with_states()
    weights = fit(made, RECIPES)
    assert weights.state is not None
    read = np.array([weights.state.read(e.state) for e in made])
    assert read.mean(axis=0) == pytest.approx(np.zeros(12), abs=1e-3)
    assert np.linalg.norm(read, axis=1).mean() == pytest.approx(1, abs=0.1)


def test_an_example_without_a_state_is_as_the_mean_one():
    made = with_states()
    bare = [replace(made[0], state=()), *made[1:]]
    weights = fit(bare, RECIPES)
    told = [
        weights.probabilities(made[0].scores, "", state)["diet"]["meat"]
        for state in ((), weights.state.mean)
    ]
    assert told[0] == pytest.approx(told[1])


def test_without_any_state_none_is_read():
    assert fit(examples(), RECIPES).state is None


def with_both(count=40):
    """Recipes whose states and embeddings both lean to one side where there is meat."""
    random = np.random.default_rng(5)
    return [
        replace(one, scores={}, embedding=tuple(
            (random.normal(size=8) + ("meat" in one.labels["diet"])).tolist()
        ))
        for one in with_states(count)
    ]  # fmt: skip


def test_each_kind_of_number_is_held_by_its_own_prior():
    made, held = with_both(), Penalties(state=0.3, embedding=1.7)
    weights = fit(made, RECIPES, held)
    diet = weights.categories["diet"].options["meat"]
    states = [weights.state.read(e.state) for e in made]
    embeddings = [weights.embedding.read(e.embedding) for e in made]
    design = np.column_stack([np.ones(len(made)), states, embeddings])
    chosen = np.array([float("meat" in e.labels["diet"]) for e in made])
    rates = np.mean([len(e.labels["diet"]) / len(OPTIONS) for e in made])
    near = np.log(rates / (1 - rates))
    prior = np.array([held.bias, *[0.3] * 12, *[1.7] * 8])
    found = _ridge(design, chosen, prior, np.full(len(made), near))
    assert diet.state == pytest.approx(found[1:13], abs=2e-3)
    assert diet.embedding == pytest.approx(found[13:], abs=2e-3)
    assert diet.bias == pytest.approx(found[0] + near, abs=2e-3)


def test_what_is_read_beside_the_scores_is_enough():
    made = with_both()
    told = held_out(made, learner(RECIPES))
    assert all((told[e.id]["diet"]["meat"] >= 0.5) == ("meat" in e.labels["diet"]) for e in made)

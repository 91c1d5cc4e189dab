import asyncio

from classifier.models.estimate import Estimate
from classifier.models.seam import Message, Request


class Words:
    """Counts a token a word."""

    def __init__(self, exact=True):
        self.exact, self.texts = exact, []

    async def count(self, texts):
        self.texts += texts
        return [len(text.split()) for text in texts]


def test_the_estimate_counts_messages_schema_and_template():
    counter = Words()
    request = Request((Message("system", "a b"), Message("user", "c")), 5, {"d": ["e", "f"]})
    estimate = Estimate(counter, overhead_tokens=10)
    assert asyncio.run(estimate.prompt(request)) == 2 + 1 + 3 + 10
    assert asyncio.run(estimate.most(request)) == 16 + 5


def test_an_estimate_by_another_tokenizer_has_a_margin():
    request = Request((Message("user", "word " * 90),), max_tokens=50)
    assert asyncio.run(Estimate(Words(exact=False), 10).prompt(request)) == 113 + 10


def test_a_text_is_counted_once_and_few_are_remembered():
    counter = Words()
    estimate = Estimate(counter)

    async def work():
        for number in range(3000):
            request = Request((Message("user", str(number)),), 5)
            assert await estimate.prompt(request) == await estimate.prompt(request)

    asyncio.run(work())
    assert len(counter.texts) == 3000
    assert len(estimate._counter) == 1024

"""An answerer that says what a test tells it to."""

from collections.abc import Callable, Sequence

from verilens.records import Clip
from verilens.understand.answerer import Answer, Answerer, Question, outcome_of


class Scripted(Answerer):
    """Asks a function of the question and the clips; remembers the questions."""

    def __init__(self, say: Callable[[Question, Sequence[Clip]], str]) -> None:
        self.name = self.identity = "scripted"
        self.say = say
        self.questions: list[Question] = []

    def answer(self, question: Question, clips: Sequence[Clip]) -> Answer:
        self.questions.append(question)
        text = self.say(question, clips)
        return Answer(text=text, outcome=outcome_of(text), model=self.name)

"""Our answers to the vectors beside the recorded ones, both in the form in which they are compared.

Apart from the tests because the records of departures are made from the same answers.
"""

from __future__ import annotations

from tests.conformance.answers.images import IMAGES
from tests.conformance.answers.question import Question
from tests.conformance.answers.registration import REGISTRATION
from tests.conformance.answers.rendering import RENDERING
from tests.conformance.answers.rules import EVALUATOR, RULES
from tests.conformance.answers.selecting import DEFAULT_SELECTION, SELECTION
from tests.conformance.answers.states import STATES
from tests.conformance.answers.validation import ADMISSION, CREATE, DEFAULT, RECONCILE, UPDATE

QUESTIONS: tuple[Question, ...] = (
    RENDERING,
    STATES,
    REGISTRATION,
    SELECTION,
    DEFAULT_SELECTION,
    RULES,
    EVALUATOR,
    CREATE,
    UPDATE,
    DEFAULT,
    ADMISSION,
    RECONCILE,
    IMAGES,
)

"""Questions, from this process's memory. No key is needed, so that caches at the edge can hold them."""

from __future__ import annotations

from apiflask import APIBlueprint
from flask import Response

from domain.content.questions import Question
from web.answers import answers, public_problems
from web.content_views import CACHED, IF_NONE_MATCH, answer_item, answer_list, cached_response, list_of, published
from web.platform import platform
from web.schemas.content import QuestionOut, QuestionQuery, QuestionsOut

blueprint = APIBlueprint("questions", __name__, url_prefix="/v1/questions", tag="Content")

_PUBLIC = {"x-public": True, "x-parameters": [IF_NONE_MATCH]}


@blueprint.get("")
@blueprint.input(QuestionQuery, location="query", arg_name="query")
@blueprint.output(QuestionsOut, description="The questions.")
@blueprint.doc(operation_id="listQuestions", responses=answers(CACHED, public_problems(404, 422)), extensions=_PUBLIC)
def list_questions(query: QuestionQuery) -> Response:
    """List the questions, without their texts and tests."""
    questions = platform().questions
    if query.category is None and query.difficulty is None:
        return answer_list(questions)
    loaded = published(questions)
    entries = (entry for key, entry in loaded.answers.entries.items() if _is_wanted(loaded.records[key], query))
    return cached_response(loaded, list_of(questions.name, loaded.revision, entries), questions.name)


@blueprint.get("/<question_id>")
@blueprint.output(QuestionOut, description="The question.")
@blueprint.doc(operation_id="getQuestion", responses=answers(CACHED, public_problems(404)), extensions=_PUBLIC)
def get_question(question_id: str) -> Response:
    """Read a question with its texts, the programs to begin with, and the tests that are not hidden."""
    return answer_item(platform().questions, question_id)


def _is_wanted(question: Question, query: QuestionQuery) -> bool:
    return query.category in (None, question.category) and query.difficulty in (None, question.difficulty)

"""The interface, tried with whatever its own description allows: no server error, ever."""

import os

import pytest
import serving

schemathesis = pytest.importorskip("schemathesis")


def tried(tmp_path, examples: int) -> dict[str, int]:
    """Send requests made from the description; return how often each status came."""
    from hypothesis import HealthCheck, Phase, given, settings
    from schemathesis.checks import CHECKS, load_all_checks

    load_all_checks()
    wanted = ("not_a_server_error", "response_schema_conformance", "content_type_conformance")
    checks = [check for check in CHECKS.get_all() if check.__name__ in wanted]
    assert len(checks) == len(wanted)
    seen: dict[str, int] = {}
    with serving.stand(tmp_path, max_bytes=100_000) as stand:
        job = stand.submit(serving.png())
        stand.worker.work_one()
        facts = {"host": "here", "pid": 1, "slots": 1, "version": "0"}
        stand.worker.queue.seen(facts)  # so that the server is ready
        schema = schemathesis.openapi.from_asgi("/v1/openapi.json", stand.client.app)
        result = schema["/v1/jobs/{job}/result"]["GET"]
        done = result.Case(path_parameters={"job": job["id"]})
        done.call_and_validate(checks=checks)  # of a job that has one
        for operation in schema.get_all_operations():
            found = operation.ok()
            if found.path.endswith("/events"):  # lasts as long as the job does not
                continue

            @given(case=found.as_strategy())
            @settings(
                max_examples=examples,
                deadline=None,
                derandomize=True,
                database=None,
                phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
            )
            def send(case):
                stand.worker.queue.seen(facts)
                answer = case.call()
                seen[str(answer.status_code)] = seen.get(str(answer.status_code), 0) + 1
                case.validate_response(answer, checks=checks)

            send()
        assert stand.client.get("/healthz").status_code == 200
        while stand.worker.work_one():
            pass
    return seen


@pytest.mark.filterwarnings("ignore")
def test_no_request_ends_in_a_server_error(tmp_path):
    seen = tried(tmp_path, 5)
    assert {"200", "404", "422"} <= set(seen)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_no_request_of_many_ends_in_a_server_error(tmp_path):
    tried(tmp_path, int(os.environ.get("VERILENS_EXAMPLES", "150")))

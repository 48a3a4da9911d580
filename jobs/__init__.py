"""The life of a job: submit, dispatch, claim, run, finish, and the healing of what was lost."""

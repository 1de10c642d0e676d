"""A pool of a test's own: two accounts of one provider key each, behind a name in the base URL."""

import os

import control

GATEWAY = os.environ["KEYWEIR_URL"]
HASTY_GATEWAY = os.environ["KEYWEIR_HASTY_URL"]
CLIENT_KEY = os.environ["KEYWEIR_KEY"]


class Pool:
    def __init__(self, name):
        self.name = name
        # Any name is a model to the provider; one of its own makes faults meet this pool only.
        self.model = f"model-of-{name}"
        self.keys = [f"sk-{name}-a", f"sk-{name}-b"]

    @classmethod
    def claim(cls, dialect):
        """The next pool that nobody uses. The first one is left to base URLs without a name."""
        for number in range(1, int(os.environ["KEYWEIR_POOLS"])):
            name = f"{dialect}-{number}"
            try:
                os.mkdir(os.path.join(os.environ["KEYWEIR_CLAIMED"], name))
            except FileExistsError:
                continue
            return cls(name)
        raise AssertionError("every pool is taken: raise POOLS_PER_DIALECT in stack.py")

    def url(self, gateway=GATEWAY):
        return f"{gateway}/{self.name}"

    def fault(self, kind, *, times=None, key=None, **details):
        """From now on the provider fails requests for this pool's model: so many of them, and only
        those with `key`, if that is said."""
        rule = {"fault": {"kind": kind, **details}, "model": self.model}
        if times is not None:
            rule["count"] = times
        if key is not None:
            rule["key"] = key
        return control.ask("POST", "faults", rule)["id"]

    def answer(self, status, body, **headers):
        """From now on the provider gives this answer."""
        headers = {"content-type": "application/json", **headers}
        self.fault("answer", status=status, headers=list(headers.items()), body=body)

    def struck(self):
        """How often faults of this pool struck."""
        ours = [it for it in control.ask("GET", "faults") if it["rule"]["model"] == self.model]
        return sum(it["struck"] for it in ours)

    def counted(self, what):
        """A counter of the provider, over this pool's keys."""
        keys = control.ask("GET", "counters")["keys"]
        return sum(keys[key][what] for key in self.keys)

    def statuses(self):
        """How often the provider gave this pool which status."""
        keys = control.ask("GET", "counters")["keys"]
        total = {}
        for key in self.keys:
            for status, times in keys[key]["by_status"].items():
                total[int(status)] = total.get(int(status), 0) + times
        return total

    def received(self):
        """The requests that the provider received from this pool, oldest first; headers as a
        dictionary."""
        ours = []
        for request in control.ask("GET", "requests"):
            headers = dict(request["headers"])
            key = headers.get("x-api-key") or headers.get("authorization", "")
            if key.removeprefix("Bearer ") in self.keys:
                ours.append({**request, "headers": headers})
        return ours

    def await_cancelled(self):
        """Waits until the provider has seen its client leave, and nothing runs any more."""
        control.eventually(lambda: self.counted("cancelled") == 1)
        control.eventually(lambda: self.counted("requests_open") == 0)

"""Turns with the official Python SDKs. Each says what it saw in a line of JSON.

Arguments: the gateway's address, the turns as a file of JSON. The key is in GATEWAY_KEY.
"""

import json
import os
import sys

import anthropic
import openai

BASE, TURNS = sys.argv[1], json.load(open(sys.argv[2]))
KEY = os.environ["GATEWAY_KEY"]
SCHEMA = {"type": "object", "properties": {"zone": {"type": "string"}}}
OWN = "get_time"
PATIENCE = 60


def settings(session, path):
    # A failure in mid-turn is nothing to be tried again: that would run tools twice.
    return {
        "base_url": f"{BASE}/{path}",
        "api_key": KEY,
        "default_headers": {"session-id": session},
        "max_retries": 2,
        "timeout": PATIENCE,
    }


class Messages:
    """Anthropic Messages."""

    name = "messages"
    path = "anthropic"

    def __init__(self, session):
        self.client = anthropic.Anthropic(**settings(session, self.path))

    def begin(self, prompt):
        self.messages = [{"role": "user", "content": prompt}]

    def ask(self, streams):
        asked = dict(
            model="claude-sonnet-5-5",
            max_tokens=1000,
            messages=self.messages,
            tools=[{"name": OWN, "input_schema": SCHEMA}],
        )
        if not streams:
            return self.client.messages.create(**asked)
        with self.client.messages.stream(**asked) as stream:
            starts = [event for event in stream if event.type == "message_start"]
            assert len(starts) == 1, f"{len(starts)} messages begin"
            return stream.get_final_message()

    def heard(self, message):
        usage = message.usage
        return {
            "text": "".join(block.text for block in message.content if block.type == "text"),
            "calls": [block.name for block in message.content if block.type == "tool_use"],
            "usage": [
                usage.input_tokens,
                usage.output_tokens,
                usage.cache_read_input_tokens or 0,
            ],
            "ends_for_tools": message.stop_reason == "tool_use",
        }

    def answer(self, message):
        results = [
            {"type": "tool_result", "tool_use_id": block.id, "content": "noon"}
            for block in message.content
            if block.type == "tool_use"
        ]
        self.messages.append({"role": "assistant", "content": message.content})
        if results:
            self.messages.append({"role": "user", "content": results})

    def say(self, text):
        self.messages.append({"role": "user", "content": text})


class Bedrock(Messages):
    """The same where the provider speaks in binary frames."""

    name = "messages of Bedrock"
    path = "bedrock"


class Chat:
    """OpenAI Chat Completions."""

    name = "chat"
    model = "gpt-5.5"

    def __init__(self, session):
        self.client = openai.OpenAI(**settings(session, "openai/v1"))

    def begin(self, prompt):
        self.messages = [{"role": "user", "content": prompt}]

    def ask(self, streams):
        function = {"name": OWN, "parameters": SCHEMA}
        asked = dict(
            model=self.model,
            messages=self.messages,
            tools=[{"type": "function", "function": function}],
        )
        if not streams:
            return self.client.chat.completions.create(**asked)
        asked["stream_options"] = {"include_usage": True}
        with self.client.chat.completions.stream(**asked) as stream:
            for _ in stream:
                pass
            return stream.get_final_completion()

    def heard(self, completion):
        [choice] = completion.choices
        assert choice.message.role == "assistant", f"the role is {choice.message.role}"
        usage = completion.usage
        cached = usage.prompt_tokens_details.cached_tokens or 0
        return {
            "text": choice.message.content or "",
            "calls": [call.function.name for call in choice.message.tool_calls or []],
            "usage": [usage.prompt_tokens - cached, usage.completion_tokens, cached],
            "ends_for_tools": choice.finish_reason == "tool_calls",
        }

    def answer(self, completion):
        message = completion.choices[0].message
        calls = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.function.name, "arguments": call.function.arguments},
            }
            for call in message.tool_calls or []
        ]
        said = {"role": "assistant", "content": message.content}
        self.messages.append(said | ({"tool_calls": calls} if calls else {}))
        self.messages += [
            {"role": "tool", "tool_call_id": call["id"], "content": "noon"} for call in calls
        ]

    def say(self, text):
        self.messages.append({"role": "user", "content": text})


class Copilot(Chat):
    """The same with a token of the caller's own, and a provider that counts where it ends."""

    name = "chat of Copilot"
    model = "claude-sonnet-5.5"

    def __init__(self, session):
        made = settings(session, "copilot")
        made["api_key"] = "a-token-of-the-caller"
        made["default_headers"] |= {
            "X-Coder-AI-Governance-Token": KEY,
            "Editor-Version": "sdks/1",
        }
        self.client = openai.OpenAI(**made)


class Responses:
    """OpenAI Responses, with everything sent again each time."""

    name = "responses"
    extra = {"store": False, "include": ["reasoning.encrypted_content"]}
    tools = [{"type": "function", "name": OWN, "parameters": SCHEMA, "strict": False}]

    def __init__(self, session):
        self.client = openai.OpenAI(**settings(session, "openai/v1"))
        self.previous = {}

    def begin(self, prompt):
        self.input = [{"role": "user", "content": prompt}]

    def ask(self, streams):
        asked = dict(model="gpt-5.5", input=self.input, tools=self.tools)
        asked |= self.extra | self.previous
        if not streams:
            return self.client.responses.create(**asked)
        with self.client.responses.stream(**asked) as stream:
            numbers = [event.sequence_number for event in stream]
            assert numbers == list(range(len(numbers))), f"events are numbered {numbers}"
            return stream.get_final_response()

    def heard(self, response):
        usage = response.usage
        cached = usage.input_tokens_details.cached_tokens
        calls = [item.name for item in response.output if item.type == "function_call"]
        return {
            "text": response.output_text,
            "calls": calls,
            "usage": [usage.input_tokens - cached, usage.output_tokens, cached],
            "ends_for_tools": bool(calls),
        }

    def answer(self, response):
        self.input += [self.again(item) for item in response.output]
        self.input += self.outputs(response)

    def say(self, text):
        self.input.append({"role": "user", "content": text})

    @staticmethod
    def again(item):
        return item.model_dump(exclude_none=True, exclude={"status", "parsed_arguments"})

    @staticmethod
    def outputs(response):
        return [
            {"type": "function_call_output", "call_id": item.call_id, "output": "noon"}
            for item in response.output
            if item.type == "function_call"
        ]


class Kept(Responses):
    """OpenAI Responses, going on from what the provider has kept."""

    name = "responses, previous_response_id"
    extra = {}

    def answer(self, response):
        self.previous = {"previous_response_id": response.id}
        self.input = self.outputs(response)


def fail(dialect, turn, streams, session):
    """Plays a turn that fails behind a call of a tool. Its SDK has to say so, and once only."""
    speaker = dialect(session)
    speaker.begin(turn["prompt"])
    try:
        whole = speaker.ask(streams)
    except (anthropic.APIError, openai.APIError):
        return
    raise AssertionError(f"it did not fail: {whole.model_dump_json()[:300]}")


def play(dialect, turn, streams, session):
    """Plays a turn to its end, as an agent does, and asks for one more thing then, so that the
    history with the turn goes to the provider again. Gives the sum of the usage that was told."""
    speaker = dialect(session)
    speaker.begin(turn["prompt"])
    usage, calls, is_over = [0, 0, 0], [], False
    for _ in range(4):
        whole = speaker.ask(streams)
        shown = whole.model_dump_json()
        # Without the prompt, which a provider may repeat.
        named = shown.replace("bmcp_*", "").find("bmcp_")
        assert named < 0, f"the name of an injected tool: {shown[max(0, named - 60) : named + 60]}"
        heard = speaker.heard(whole)
        usage = [one + other for one, other in zip(usage, heard["usage"])]
        calls += heard["calls"]
        assert heard["ends_for_tools"] == bool(heard["calls"]), f"it ends oddly: {shown[-300:]}"
        if is_over:
            assert not heard["calls"] and "and then?" in heard["text"], f"at last {shown}"
            return usage
        if not heard["calls"]:
            assert calls == [OWN] * turn["client_calls"], f"calls {calls}"
            assert turn["says"] in heard["text"], f"the text is {heard['text']!r}"
            is_over = True
        speaker.answer(whole)
        if is_over:
            speaker.say("and then?")
    raise AssertionError("the turn does not end")


def main():
    for dialect in (Messages, Bedrock, Chat, Copilot, Responses, Kept):
        for streams in (True, False):
            for turn in TURNS:
                mode = "streaming" if streams else "blocking"
                name = f"{dialect.name}, {mode}, {turn['name']}"
                session = f"python {name}".replace(" ", "-").replace(",", "")
                told = {"name": name, "session": session, "turn": turn["name"]}
                told["history"] = f"kept_{mode}" if dialect is Kept else "sent"
                try:
                    act = fail if turn.get("fails") else play
                    told["usage"] = act(dialect, turn, streams, session)
                except Exception as problem:
                    told["problem"] = f"{type(problem).__name__}: {problem}"
                print(json.dumps(told), flush=True)


main()

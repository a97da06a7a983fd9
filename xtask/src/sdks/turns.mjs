// Turns with the official JavaScript SDKs. Each says what it saw in a line of JSON.
//
// Arguments: the gateway's address, the turns as a file of JSON. The key is in GATEWAY_KEY.

import assert from "node:assert";
import { readFileSync } from "node:fs";

import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai";

const [base, file] = process.argv.slice(2);
const turns = JSON.parse(readFileSync(file, "utf8"));
const key = process.env.GATEWAY_KEY;
const schema = { type: "object", properties: { zone: { type: "string" } } };
const own = "get_time";

function clients(session) {
  const made = {
    apiKey: key,
    defaultHeaders: { "session-id": session },
    // A failure in mid-turn is nothing to be tried again: that would run tools twice.
    maxRetries: 2,
    timeout: 60_000,
  };
  return {
    anthropic: new Anthropic({ baseURL: `${base}/anthropic`, ...made }),
    openai: new OpenAI({ baseURL: `${base}/openai/v1`, ...made }),
  };
}

/** Anthropic Messages. */
class Messages {
  static label = "messages";

  constructor(session, prompt) {
    this.client = clients(session).anthropic;
    this.messages = [{ role: "user", content: prompt }];
  }

  async ask(streams) {
    const asked = {
      model: "claude-sonnet-5-5",
      max_tokens: 1000,
      messages: this.messages,
      tools: [{ name: own, input_schema: schema }],
    };
    return streams
      ? this.client.messages.stream(asked).finalMessage()
      : this.client.messages.create(asked);
  }

  heard({ content, usage, stop_reason }) {
    return {
      text: content.map((block) => block.text ?? "").join(""),
      calls: content.filter((block) => block.type === "tool_use").map((block) => block.name),
      usage: [usage.input_tokens, usage.output_tokens, usage.cache_read_input_tokens ?? 0],
      endsForTools: stop_reason === "tool_use",
    };
  }

  answer({ content }) {
    const calls = content.filter((block) => block.type === "tool_use");
    const results = calls.map(({ id }) => ({
      type: "tool_result",
      tool_use_id: id,
      content: "noon",
    }));
    this.messages.push({ role: "assistant", content });
    if (results.length > 0) {
      this.messages.push({ role: "user", content: results });
    }
  }

  say(text) {
    this.messages.push({ role: "user", content: text });
  }
}

/** OpenAI Chat Completions. */
class Chat {
  static label = "chat";

  constructor(session, prompt) {
    this.client = clients(session).openai;
    this.messages = [{ role: "user", content: prompt }];
  }

  async ask(streams) {
    const asked = {
      model: "gpt-5.5",
      messages: this.messages,
      tools: [{ type: "function", function: { name: own, parameters: schema } }],
    };
    if (!streams) {
      return this.client.chat.completions.create(asked);
    }
    asked.stream_options = { include_usage: true };
    return this.client.chat.completions.stream(asked).finalChatCompletion();
  }

  heard({ choices, usage }) {
    assert.equal(choices.length, 1);
    const [{ message, finish_reason }] = choices;
    assert.equal(message.role, "assistant");
    const cached = usage.prompt_tokens_details?.cached_tokens ?? 0;
    return {
      text: message.content ?? "",
      calls: (message.tool_calls ?? []).map((call) => call.function.name),
      usage: [usage.prompt_tokens - cached, usage.completion_tokens, cached],
      endsForTools: finish_reason === "tool_calls",
    };
  }

  answer({ choices: [{ message }] }) {
    const { content, tool_calls } = message;
    this.messages.push({ role: "assistant", content, tool_calls });
    for (const { id } of tool_calls ?? []) {
      this.messages.push({ role: "tool", tool_call_id: id, content: "noon" });
    }
  }

  say(text) {
    this.messages.push({ role: "user", content: text });
  }
}

/** OpenAI Responses, with everything sent again each time. */
class Responses {
  static label = "responses";
  extra = { store: false, include: ["reasoning.encrypted_content"] };

  constructor(session, prompt) {
    this.client = clients(session).openai;
    this.input = [{ role: "user", content: prompt }];
  }

  async ask(streams) {
    const asked = {
      model: "gpt-5.5",
      input: this.input,
      tools: [{ type: "function", name: own, parameters: schema, strict: false }],
      ...this.extra,
    };
    return streams
      ? this.client.responses.stream(asked).finalResponse()
      : this.client.responses.create(asked);
  }

  heard({ output, output_text, usage }) {
    const cached = usage.input_tokens_details.cached_tokens;
    const calls = output.filter((item) => item.type === "function_call").map((item) => item.name);
    return {
      text: output_text,
      calls,
      usage: [usage.input_tokens - cached, usage.output_tokens, cached],
      endsForTools: calls.length > 0,
    };
  }

  outputs({ output }) {
    const calls = output.filter((item) => item.type === "function_call");
    return calls.map(({ call_id }) => ({
      type: "function_call_output",
      call_id,
      output: "noon",
    }));
  }

  answer(response) {
    const items = response.output.map(({ status, parsed_arguments, ...item }) => item);
    this.input.push(...items, ...this.outputs(response));
  }

  say(text) {
    this.input.push({ role: "user", content: text });
  }
}

/** OpenAI Responses, going on from what the provider has kept. */
class Kept extends Responses {
  static label = "responses, previous_response_id";
  extra = {};

  answer(response) {
    this.extra = { previous_response_id: response.id };
    this.input = this.outputs(response);
  }
}

/** Plays a turn that fails behind a call of a tool. Its SDK has to say so, and once only. */
async function fail(Dialect, turn, streams, session) {
  let whole;
  try {
    whole = await new Dialect(session, turn.prompt).ask(streams);
  } catch (problem) {
    assert(problem instanceof Anthropic.AnthropicError || problem instanceof OpenAI.OpenAIError);
    return;
  }
  throw new Error(`it did not fail: ${JSON.stringify(whole).slice(0, 300)}`);
}

/**
 * Plays a turn to its end, as an agent does, and asks for one more thing then, so that the history
 * with the turn goes to the provider again. Gives the sum of the usage that was told.
 */
async function play(Dialect, turn, streams, session) {
  const speaker = new Dialect(session, turn.prompt);
  let usage = [0, 0, 0];
  const calls = [];
  let isOver = false;
  for (let round = 0; round < 4; round += 1) {
    const whole = await speaker.ask(streams);
    // Without the prompt, which a provider may repeat.
    const shown = JSON.stringify(whole).replaceAll("bmcp_*", "");
    assert(!shown.includes("bmcp_"), `the name of an injected tool: ${shown.slice(0, 300)}`);
    const heard = speaker.heard(whole);
    usage = usage.map((count, at) => count + heard.usage[at]);
    calls.push(...heard.calls);
    assert.equal(heard.endsForTools, heard.calls.length > 0, "it ends oddly");
    if (isOver) {
      assert(heard.calls.length === 0 && heard.text.includes("and then?"), `at last ${shown}`);
      return usage;
    }
    if (heard.calls.length === 0) {
      assert.deepEqual(calls, Array(turn.client_calls).fill(own));
      assert(heard.text.includes(turn.says), `the text is ${heard.text}`);
      isOver = true;
    }
    speaker.answer(whole);
    if (isOver) {
      speaker.say("and then?");
    }
  }
  throw new Error("the turn does not end");
}

for (const Dialect of [Messages, Chat, Responses, Kept]) {
  for (const streams of [true, false]) {
    for (const turn of turns) {
      const mode = streams ? "streaming" : "blocking";
      const name = `${Dialect.label}, ${mode}, ${turn.name}`;
      const session = `js ${name}`.replaceAll(" ", "-").replaceAll(",", "");
      const history = Dialect === Kept ? `kept_${mode}` : "sent";
      const told = { name, session, turn: turn.name, history };
      try {
        const act = turn.fails ? fail : play;
        told.usage = await act(Dialect, turn, streams, session);
      } catch (problem) {
        told.problem = String(problem?.message ?? problem);
      }
      console.log(JSON.stringify(told));
    }
  }
}

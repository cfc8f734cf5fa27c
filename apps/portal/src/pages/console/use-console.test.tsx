import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { act, cleanup, renderHook } from "@testing-library/react";
import { ApiError } from "@sinter/client/portable";
import type { WireVm } from "@sinter/northbound";
import type { ReactNode } from "react";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { client } from "../../api/client.ts";
import { type Attach, useConsole } from "./use-console.ts";

/** The part of a WebSocket that the hook uses, with the other end in the test's hands. */
class FakeSocket extends EventTarget {
  static readonly made: FakeSocket[] = [];
  closedWith: number | undefined;
  constructor(
    readonly url: string,
    readonly protocol: string,
  ) {
    super();
    FakeSocket.made.push(this);
  }
  close(code: number): void {
    this.closedWith = code;
  }
  breaks(code: number): void {
    this.dispatchEvent(Object.assign(new Event("close"), { code }));
  }
}

const vmIn = (status: string) => ({ uri: "/service/sites/1/vms/i-1", status }) as WireVm;
const tickets: string[] = [];
let refuse: unknown;
let ready: () => void = () => {};
const parted = vi.fn<() => void>();
const attach: Attach = (_socket, _ticket, onReady) => {
  ready = onReady;
  return parted;
};

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("WebSocket", FakeSocket);
  FakeSocket.made.length = 0;
  tickets.length = 0;
  refuse = undefined;
  parted.mockClear();
  vi.spyOn(client.vms, "openConsole").mockImplementation(async () => {
    if (refuse !== undefined) throw refuse;
    const ticket = `t${tickets.length + 1}`;
    tickets.push(ticket);
    return { url: "", path: `/sinter/v1/consoles/${ticket}`, ticket, password: "p", expiresInS: 30 };
  });
});
afterEach(() => {
  cleanup();
  vi.useRealTimers();
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

function open(status = "running") {
  const queries = new QueryClient();
  const wrapper = ({ children }: { children: ReactNode }) => (
    <QueryClientProvider client={queries}>{children}</QueryClientProvider>
  );
  return renderHook(({ vm }: { vm: WireVm }) => useConsole(vm, "vnc", attach), {
    wrapper,
    initialProps: { vm: vmIn(status) },
  });
}
const pass = (ms = 0) => act(() => vi.advanceTimersByTimeAsync(ms));

describe("a console that is kept open", () => {
  test("CON-01: a ticket is asked for and redeemed at the portal's own port", async () => {
    const { result } = open();
    await pass();
    expect(FakeSocket.made[0]?.url).toBe(`wss://${location.host}/sinter/v1/consoles/t1`);
    expect(FakeSocket.made[0]?.protocol).toBe("binary");
    expect(result.current.phase.kind).toBe("opening");
    act(() => ready());
    expect(result.current.phase.kind).toBe("connected");
  });

  test.each([1012, 1006])("a stream that breaks with %s is met again with a new ticket", async (code) => {
    const { result } = open();
    await pass();
    act(() => ready());
    act(() => FakeSocket.made[0]?.breaks(code));
    expect(result.current.phase.kind).toBe("retrying");
    await pass(300);
    expect(tickets).toEqual(["t1", "t2"]);
    expect(parted).toHaveBeenCalledTimes(1);
    act(() => ready());
    expect(result.current.phase.kind).toBe("connected");
  });

  test("pauses grow while it does not come back, and start anew after it did", async () => {
    open();
    await pass();
    for (const [index, waitMs] of [300, 600, 1200, 2400, 4800, 5000, 5000].entries()) {
      act(() => FakeSocket.made.at(-1)?.breaks(1006));
      await pass(waitMs - 1);
      expect(tickets).toHaveLength(index + 1);
      await pass(1);
      expect(tickets).toHaveLength(index + 2);
    }
    act(() => ready());
    act(() => FakeSocket.made.at(-1)?.breaks(1006));
    await pass(300);
    expect(tickets).toHaveLength(9);
  });

  test.each([
    [4401, "loggedOut"],
    [4403, "noRight"],
    [4409, "taken"],
  ])("code %s ends it until the user asks again", async (code, why) => {
    const { result } = open();
    await pass();
    act(() => FakeSocket.made[0]?.breaks(code));
    expect(result.current.phase).toEqual({ kind: "ended", why });
    await pass(60_000);
    expect(tickets).toHaveLength(1);
    act(() => result.current.reconnect());
    await pass();
    expect(tickets).toHaveLength(2);
  });

  test("a refusal is told; a manager that is away is waited for", async () => {
    refuse = new ApiError(403, "10000003", "no right");
    const { result } = open();
    await pass();
    expect(result.current.phase).toMatchObject({ kind: "ended", why: "refused", error: refuse });
    refuse = new ApiError(503, "10000005", "busy");
    act(() => result.current.reconnect());
    await pass();
    expect(result.current.phase).toMatchObject({ kind: "retrying", error: refuse });
    refuse = undefined;
    await pass(300);
    expect(tickets).toEqual(["t1"]);
  });

  test("no ticket is asked for while the VM is off, and one as soon as it runs", async () => {
    const { result, rerender } = open("stopped");
    await pass(10_000);
    expect(result.current.phase.kind).toBe("off");
    expect(tickets).toEqual([]);
    rerender({ vm: vmIn("running") });
    await pass();
    expect(tickets).toEqual(["t1"]);
    rerender({ vm: vmIn("stopped") });
    expect(result.current.phase.kind).toBe("off");
    expect(FakeSocket.made[0]?.closedWith).toBe(1000);
  });

  test("leaving closes the stream and asks for nothing more", async () => {
    const { unmount } = open();
    await pass();
    act(() => FakeSocket.made[0]?.breaks(1006));
    unmount();
    await pass(60_000);
    expect(tickets).toHaveLength(1);
    expect(parted).toHaveBeenCalledTimes(1);
  });
});

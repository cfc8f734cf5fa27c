import { type Static, Type } from "typebox";

/** Ours: asks for a console of a VM. */
export const ConsoleRequest = Type.Object(
  { kind: Type.Optional(Type.Union([Type.Literal("vnc"), Type.Literal("serial")])) },
  { title: "ConsoleRequest" },
);

/** Ours: opens one console once (CON-01). */
export const ConsoleTicket = Type.Object(
  {
    url: Type.String({ description: "wss; offer the sub-protocol `binary`." }),
    path: Type.String({ description: "The same on the port that was asked." }),
    ticket: Type.String(),
    password: Type.String({
      description: "For VNC authentication in this session; empty for a serial line, which asks for none.",
    }),
    expiresInS: Type.Integer({ description: "Seconds until the ticket is worth nothing." }),
  },
  { title: "ConsoleTicket" },
);
export type ConsoleTicket = Static<typeof ConsoleTicket>;

/** Ours: the chain from manager to screen, link by link (CON-07, CON-08). */
export const ConsoleCheck = Type.Object(
  {
    isWorking: Type.Boolean(),
    links: Type.Array(
      Type.Object({
        link: Type.String({ description: "vm, host, agent, target, screen or proxy." }),
        isOk: Type.Boolean(),
        message: Type.String(),
      }),
      { description: "Up to the one that fails, and the proxy in any case." },
    ),
  },
  { title: "ConsoleCheck" },
);
export type ConsoleCheck = Static<typeof ConsoleCheck>;

import type { MediaChannel } from "@sinter/southbound";
import { type RawData, WebSocket } from "ws";

const NO_STATUS = 1005;
/** Codes that a program may send. */
const isSendable = (code: number): boolean => code === 1000 || code === 1001 || code === 1011 || code >= 3000;

/** A WebSocket as the contract's channel of pieces. Use it before its first message can come. */
export function mediaChannel(webSocket: WebSocket): MediaChannel {
  webSocket.on("error", () => webSocket.terminate());
  return {
    send: (message) => {
      if (webSocket.readyState === WebSocket.OPEN) webSocket.send(message);
    },
    onMessage: (listener) => {
      webSocket.on("message", (data: RawData, isBinary: boolean) => {
        const bytes = data as Buffer; // ws gives one buffer unless told otherwise
        listener(isBinary ? bytes : bytes.toString("utf8"));
      });
    },
    onClose: (listener) => {
      if (webSocket.readyState === WebSocket.CLOSED) listener(NO_STATUS);
      else webSocket.once("close", listener);
    },
    close: (code, reason) => webSocket.close(isSendable(code) ? code : 1000, reason),
  };
}

import { ApiError } from "@sinter/client/portable";
import { client } from "./client.ts";
import { type PortalSession, sessionStore } from "./session-store.ts";

const PATH = "/sinter/v1/session";

/** Asks the manager who we are: a reload keeps the session. */
export async function restoreSession(): Promise<void> {
  try {
    const session = await client.api.get<PortalSession>(PATH);
    sessionStore.set({ kind: "here", session });
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) sessionStore.set({ kind: "none" });
    else throw error;
  }
}

/** Throws the manager's refusal: wrong, locked (until when), or expired. */
export async function login(userName: string, password: string): Promise<void> {
  const session = await client.api.post<PortalSession>(PATH, { userName, password });
  sessionStore.set({ kind: "here", session });
}

export async function logout(): Promise<void> {
  try {
    await client.api.remove(PATH);
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 401) throw error;
  }
  sessionStore.set({ kind: "none" });
}

export async function changeOwnPassword(oldPassword: string, newPassword: string): Promise<void> {
  await client.api.put(`${PATH}/password`, { oldPassword, newPassword });
  await restoreSession();
}

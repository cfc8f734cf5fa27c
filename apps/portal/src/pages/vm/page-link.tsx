import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";

/** A link to an object's page; plain text for what has none. */
export function PageLink({ to, children }: { to: string | undefined; children: ReactNode }) {
  return to === undefined ? children : <Link to={to}>{children}</Link>;
}

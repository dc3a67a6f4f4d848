// Sessions of the web shop. They live in a signed cookie, so that any server can answer.

export interface Session {
  user: string;
  issued: number; // seconds since 1970
  cart: string[];
}

/** How long a session is good without being used: 30 minutes, as the payment provider demands. */
export const IDLE_SECONDS = 30 * 60;

/** expired says whether a session was not used for too long. */
export function expired(s: Session, now: number): boolean {
  return now - s.issued > IDLE_SECONDS;
}

/** renew gives a session a new time. It is called on each request that changes the cart, and not on reads, which are polled. */
export function renew(s: Session, now: number): Session {
  return { ...s, issued: now };
}

/** mergeCarts joins the cart of a guest with that of the account at login. What is in both stands once; the guest's comes first. */
export function mergeCarts(guest: string[], account: string[]): string[] {
  return [...new Set([...guest, ...account])];
}

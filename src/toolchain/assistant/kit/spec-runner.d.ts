export interface Matchers {
  toBe(value: unknown): void;
  toEqual(value: unknown): void;
  toContain(part: unknown): void;
  toMatch(pattern: string | RegExp): void;
  toHaveLength(length: number): void;
  toBeGreaterThan(least: number): void;
  toBeLessThan(most: number): void;
  toBeTruthy(): void;
  toBeFalsy(): void;
}
export function expect(value: unknown): Matchers & { not: Matchers; judge(question: string): Promise<void> };
export interface Define {
  (title: string, run: () => void | Promise<void>): void;
  each<T>(table: T[]): (title: string, run: (...row: any[]) => void | Promise<void>) => void;
}
export const test: Define;
export const it: Define;
export function describe(title: string, define: () => void): void;
export interface Message { role: "user" | "assistant"; content: string }
export interface Options { temperature?: number }
export const model: {
  generate(prompt: string | Message[], options?: Options): Promise<string>;
  chat(prompt: string | Message[], options?: Options): Promise<Message & { finish: string }>;
  session(): { say(text: string, options?: Options): Promise<string> };
};

/**
 * The model on the screen, through Ink: components that only render, and keys handed on.
 *
 * Every line is a Transform over one constant blank, because Ink remembers the measure of every text it ever laid out: lines
 * that change each second would fill the memory of a UI left open for days. frame() has laid them out already.
 */
import { Box, Transform, useInput } from 'ink';
import { memo, useSyncExternalStore, type ReactElement } from 'react';
import { frame } from './frame.js';
import { keysOf, type Key } from './keys.js';
import { ansi } from './line.js';
import type { Model } from './model.js';

const Row = memo(function Row({ text }: { readonly text: string }): ReactElement {
  return <Transform transform={() => text}> </Transform>;
});

export function Screen({ model }: { readonly model: Model }): ReactElement {
  const lines = frame(model);
  return (
    <Box flexDirection="column" width={model.size.columns} height={lines.length} flexShrink={0}>
      {lines.map((line, i) => (
        <Row key={i} text={ansi(line, model.colours)} />
      ))}
    </Box>
  );
}

export interface Store {
  get(): Model;
  subscribe(listener: () => void): () => void;
}

export function App({ store, onKey }: { readonly store: Store; readonly onKey: (key: Key) => void }): ReactElement {
  const model = useSyncExternalStore(store.subscribe, store.get);
  useInput((input, pressed) => keysOf(input, pressed).forEach(onKey));
  return <Screen model={model} />;
}

// Lines made of painted pieces: cut to the width first, painted afterwards, so that colours never count as width.

const STYLES = { bold: '1', dim: '2', red: '31', green: '32', yellow: '33', cyan: '36' } as const
export type Style = keyof typeof STYLES

/** A piece of a line: text alone, or with a style. The text must be printable, one column for each character. */
export type Piece = string | readonly [text: string, style: Style | undefined]

/** A line of at most `columns` characters; one that is cut ends in `…`. */
export function paint(pieces: readonly Piece[], columns: number, color: boolean): string {
  const width = pieces.reduce((all, piece) => all + textOf(piece).length, 0)
  let left = width > columns ? columns - 1 : columns
  let line = ''
  for (const piece of pieces) {
    const text = textOf(piece).slice(0, Math.max(0, left))
    left -= text.length
    const style = typeof piece === 'string' ? undefined : piece[1]
    line += color && style !== undefined && text !== '' ? `\x1b[${STYLES[style]}m${text}\x1b[0m` : text
  }
  return width > columns ? `${line}…` : line.trimEnd()
}

function textOf(piece: Piece): string {
  return typeof piece === 'string' ? piece : piece[0]
}

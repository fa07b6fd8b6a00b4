"""The codes of everything intake refuses, with what each means for programs and for people.

One table: a code is stable for ever, the same in every format, and says which rule was broken.
"""

from enum import StrEnum
from typing import NamedTuple


class Meaning(NamedTuple):
    """What a code says to people, and whether the same record may be accepted later without being changed."""

    english: str
    chinese: str
    may_become_acceptable: bool = False


class Code(StrEnum):
    """Why a record was refused; the order here is not a promise, the words are."""

    # a record that cannot be read
    NOT_JSON = "not_json"
    BAD_UTF8 = "bad_utf8"
    NOT_AN_OBJECT = "not_an_object"
    RECORD_TOO_LARGE = "record_too_large"
    # its shape
    DUPLICATE_KEY = "duplicate_key"
    UNKNOWN_FIELD = "unknown_field"
    MISSING_FIELD = "missing_field"
    WRONG_TYPE = "wrong_type"
    # its values
    BAD_ID = "bad_id"
    BAD_USCC = "bad_uscc"
    BAD_CHECK_DIGIT = "bad_check_digit"
    BAD_TEXT = "bad_text"
    BAD_LENGTH = "bad_length"
    BAD_DECIMAL = "bad_decimal"
    TOO_MANY_DECIMALS = "too_many_decimals"
    OUT_OF_RANGE = "out_of_range"
    BAD_TIME = "bad_time"
    BAD_CHOICE = "bad_choice"
    BAD_EVIDENCE = "bad_evidence"
    # values that contradict each other
    ENDED_BEFORE_STARTED = "ended_before_started"
    CORRECTS_ITSELF = "corrects_itself"
    # the CloudEvents envelope
    BAD_EVENT = "bad_event"
    EVENT_ID_DIFFERS = "event_id_differs"
    # what the registry does not know
    UNKNOWN_FACILITY = "unknown_facility"
    FACILITY_NOT_RULING_ON_DAY = "facility_not_ruling_on_day"
    UNKNOWN_CHIP = "unknown_chip"
    CHIP_NOT_RULING_ON_DAY = "chip_not_ruling_on_day"


class BodyCode(StrEnum):
    """Why a whole body was refused."""

    EMPTY_BODY = "empty_body"
    NOT_JSON = "not_json"
    NOT_A_BATCH = "not_a_batch"
    BAD_ENCODING = "bad_encoding"
    BAD_COMPRESSION = "bad_compression"
    BAD_ARROW = "bad_arrow"
    TRAILING_BYTES = "trailing_bytes"
    TOO_DEEP = "too_deep"
    TOO_MANY_VALUES = "too_many_values"
    TOO_MANY_RECORDS = "too_many_records"
    BODY_TOO_LARGE = "body_too_large"
    UNSUPPORTED_MEDIA_TYPE = "unsupported_media_type"
    UNSUPPORTED_ENCODING = "unsupported_encoding"
    UNSUPPORTED_CHARSET = "unsupported_charset"


MEANING: dict[Code, Meaning] = {
    Code.NOT_JSON: Meaning("The line is not one JSON value.", "该行不是一个合法的 JSON 值。"),
    Code.BAD_UTF8: Meaning("The record is not valid UTF-8.", "记录不是合法的 UTF-8 编码。"),
    Code.NOT_AN_OBJECT: Meaning("A record is a JSON object; this is another value.", "记录必须是 JSON 对象。"),
    Code.RECORD_TOO_LARGE: Meaning("The record is larger than 1 MiB.", "单条记录超过 1 MiB。"),
    Code.DUPLICATE_KEY: Meaning("A field is given more than once.", "同一字段出现多次。"),
    Code.UNKNOWN_FIELD: Meaning("The record has a field that is not in the contract.", "记录含有约定之外的字段。"),
    Code.MISSING_FIELD: Meaning("A required field is missing or null.", "缺少必填字段，或其值为空。"),
    Code.WRONG_TYPE: Meaning(
        "A value has another type than the field takes; nothing is converted or rounded.",
        "字段值的类型不符；系统不做转换，也不取整。",
    ),
    Code.BAD_ID: Meaning("An id is 1 to 64 of A-Z a-z 0-9 . _ : -", "记录编号须为 1 至 64 位的字母、数字或 . _ : -"),
    Code.BAD_USCC: Meaning(
        "The consumer is not 18 characters of the alphabet of GB 32100.", "统一社会信用代码须为 18 位且只含规定字符。"
    ),
    Code.BAD_CHECK_DIGIT: Meaning(
        "The check digit of the unified social credit code is wrong (GB 32100).", "统一社会信用代码的校验码有误。"
    ),
    Code.BAD_TEXT: Meaning(
        "A text contains a control character or half a surrogate pair.", "文本含有控制字符或残缺字符。"
    ),
    Code.BAD_LENGTH: Meaning("A text is empty or too long for its field.", "文本为空或超过字段允许的长度。"),
    Code.BAD_DECIMAL: Meaning(
        'Cards are an integer or a plain decimal such as "0.125": no exponent, sign or leading zero.',
        '卡数须为整数或形如 "0.125" 的十进制数，不带指数、符号或前导零。',
    ),
    Code.TOO_MANY_DECIMALS: Meaning("Cards have at most 3 decimals.", "卡数最多保留 3 位小数。"),
    Code.OUT_OF_RANGE: Meaning(
        "A number or an instant lies outside the limits of its field.", "数值或时间超出字段允许的范围。"
    ),
    Code.BAD_TIME: Meaning(
        "A time is not RFC 3339 with an offset, or no such instant exists.",
        "时间不是带时区偏移的 RFC 3339 格式，或不存在。",
    ),
    Code.BAD_CHOICE: Meaning("The value is not one of those the field takes.", "字段值不在允许的取值之内。"),
    Code.BAD_EVIDENCE: Meaning(
        "Evidence is at most 128 hexadecimal digits.", "存证摘要须为不超过 128 位的十六进制数字。"
    ),
    Code.ENDED_BEFORE_STARTED: Meaning("The use ended before it started.", "结束时间早于开始时间。"),
    Code.CORRECTS_ITSELF: Meaning("A record cannot correct itself.", "记录不能更正自身。"),
    Code.BAD_EVENT: Meaning(
        "The CloudEvents envelope is not a valid event of version 1.0.", "CloudEvents 1.0 信封不合规。"
    ),
    Code.EVENT_ID_DIFFERS: Meaning(
        "The event's id and the id of the record in its data differ.", "事件编号与其中记录的编号不一致。"
    ),
    Code.UNKNOWN_FACILITY: Meaning("The facility is not registered.", "算力设施未登记。", True),
    Code.FACILITY_NOT_RULING_ON_DAY: Meaning(
        "No fact about the facility rules on the day the record starts.", "记录开始当日没有有效的设施登记。", True
    ),
    Code.UNKNOWN_CHIP: Meaning("The chip is not registered.", "芯片型号未登记。", True),
    Code.CHIP_NOT_RULING_ON_DAY: Meaning(
        "No fact about the chip rules on the day the record starts.", "记录开始当日没有有效的芯片登记。", True
    ),
}

BODY_MEANING: dict[BodyCode, tuple[int, Meaning]] = {
    BodyCode.EMPTY_BODY: (400, Meaning("The body is empty.", "请求体为空。")),
    BodyCode.NOT_JSON: (400, Meaning("The body is not JSON.", "请求体不是合法的 JSON。")),
    BodyCode.NOT_A_BATCH: (400, Meaning("The body is neither an object nor an array.", "请求体既不是对象也不是数组。")),
    BodyCode.BAD_ENCODING: (
        400,
        Meaning("The body is not UTF-8 without a byte order mark.", "请求体须为不带字节序标记的 UTF-8。"),
    ),
    BodyCode.BAD_COMPRESSION: (400, Meaning("The compressed body is broken or cut short.", "压缩内容损坏或不完整。")),
    BodyCode.BAD_ARROW: (400, Meaning("The body is not a valid Arrow IPC stream.", "请求体不是合法的 Arrow IPC 流。")),
    BodyCode.TRAILING_BYTES: (400, Meaning("Something follows the end of the body.", "请求体结束后还有多余内容。")),
    BodyCode.TOO_DEEP: (400, Meaning("The body is nested deeper than 64 levels.", "请求体嵌套超过 64 层。")),
    BodyCode.TOO_MANY_VALUES: (400, Meaning("One record has more than 2,000 values.", "单条记录的值超过 2000 个。")),
    BodyCode.TOO_MANY_RECORDS: (413, Meaning("The body has more than 10,000 records.", "请求体超过一万条记录。")),
    BodyCode.BODY_TOO_LARGE: (413, Meaning("The body is larger than 32 MiB decoded.", "请求体解码后超过 32 MiB。")),
    BodyCode.UNSUPPORTED_MEDIA_TYPE: (
        415,
        Meaning("The content type is not one of the contract's.", "不支持的内容类型。"),
    ),
    BodyCode.UNSUPPORTED_ENCODING: (
        415,
        Meaning("The content encoding is none of gzip, zstd, identity.", "不支持的内容编码，仅接受 gzip 与 zstd。"),
    ),
    BodyCode.UNSUPPORTED_CHARSET: (415, Meaning("The charset is not UTF-8.", "字符集须为 UTF-8。")),
}


class RecordRefused(Exception):
    """One record is refused; `detail` is one English sentence naming the field and the value."""

    def __init__(self, code: Code, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail


class BodyError(Exception):
    """A whole body is refused: `status` is 400, 413 or 415, and nothing of the body was looked at further."""

    def __init__(self, code: BodyCode, detail: str | None = None) -> None:
        status, meaning = BODY_MEANING[code]
        super().__init__(f"{code}: {detail or meaning.english}")
        self.status = status
        self.code = code
        self.detail = detail or meaning.english

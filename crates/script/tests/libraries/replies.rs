//! What Redis 7.0.15 replies to libraries and functions.

/// Bodies of libraries, and why each is refused.
pub(crate) const REFUSED: &[(&str, &str)] = &[
    (
        "redis.register_function('f')",
        "Error registering functions: ERR calling redis.register_function with a single argument is only applicable to Lua table (representing named arguments).",
    ),
    (
        "redis.register_function()",
        "Error registering functions: ERR wrong number of arguments to redis.register_function",
    ),
    (
        "redis.register_function('f', 1)",
        "Error registering functions: ERR second argument to redis.register_function must be a function",
    ),
    (
        "redis.register_function({}, function() end)",
        "Error registering functions: ERR first argument to redis.register_function must be a string",
    ),
    (
        "redis.register_function(function() end, 'f')",
        "Error registering functions: ERR first argument to redis.register_function must be a string",
    ),
    (
        "redis.register_function('f', function() end, {})",
        "Error registering functions: ERR wrong number of arguments to redis.register_function",
    ),
    (
        "redis.register_function('bad name', function() end)",
        "Error registering functions: ERR Library names can only contain letters, numbers, or underscores(_) and must be at least one character long",
    ),
    (
        "redis.register_function('', function() end)",
        "Error registering functions: ERR Library names can only contain letters, numbers, or underscores(_) and must be at least one character long",
    ),
    (
        "redis.register_function('f', function() end) redis.register_function('f', function() end)",
        "Error registering functions: ERR Function already exists in the library",
    ),
    (
        "redis.register_function{callback=function() end}",
        "Error registering functions: ERR redis.register_function must get a function name argument",
    ),
    (
        "redis.register_function{function_name='f'}",
        "Error registering functions: ERR redis.register_function must get a callback argument",
    ),
    (
        "redis.register_function{function_name='f', callback=5}",
        "Error registering functions: ERR callback argument given to redis.register_function must be a function",
    ),
    (
        "redis.register_function{function_name={}, callback=function() end}",
        "Error registering functions: ERR function_name argument given to redis.register_function must be a string",
    ),
    (
        "redis.register_function{function_name='f', callback=function() end, bad=1}",
        "Error registering functions: ERR unknown argument given to redis.register_function",
    ),
    (
        "redis.register_function{function_name='f', callback=function() end, flags=5}",
        "Error registering functions: ERR flags argument to redis.register_function must be a table representing function flags",
    ),
    (
        "redis.register_function{function_name='f', callback=function() end, flags={'bad'}}",
        "Error registering functions: ERR unknown flag given",
    ),
    (
        "redis.register_function{function_name='f', callback=function() end, flags={{}}}",
        "Error registering functions: ERR unknown flag given",
    ),
    (
        "redis.register_function{function_name='f', callback=function() end, description={}}",
        "Error registering functions: ERR description argument given to redis.register_function must be a string",
    ),
    (
        "redis.register_function{[{}]='f'}",
        "Error registering functions: ERR named argument key given to redis.register_function is not a string",
    ),
    (
        "redis.register_function(5)",
        "Error registering functions: ERR calling redis.register_function with a single argument is only applicable to Lua table (representing named arguments).",
    ),
    (
        "redis.call('ping')",
        "Error registering functions: ERR user_function:2: Script attempted to access nonexistent global variable 'call'",
    ),
    (
        "redis.pcall('ping')",
        "Error registering functions: ERR user_function:2: Script attempted to access nonexistent global variable 'pcall'",
    ),
    (
        "redis.setresp(3)",
        "Error registering functions: ERR user_function:2: Script attempted to access nonexistent global variable 'setresp'",
    ),
    (
        "redis.nosuch()",
        "Error registering functions: ERR user_function:2: Script attempted to access nonexistent global variable 'nosuch'",
    ),
    (
        "return math.floor(1)",
        "Error registering functions: ERR user_function:2: Script attempted to access nonexistent global variable 'math'",
    ),
    (
        "return cjson",
        "Error registering functions: ERR user_function:2: Script attempted to access nonexistent global variable 'cjson'",
    ),
    (
        "return foo",
        "Error registering functions: ERR user_function:2: Script attempted to access nonexistent global variable 'foo'",
    ),
    ("x = 1", "Error registering functions: ERR user_function:2: Attempt to modify a readonly table"),
    ("redis.x = 1", "Error registering functions: ERR user_function:2: Attempt to modify a readonly table"),
    (
        "return string.rep('x', 1)",
        "Error registering functions: ERR user_function:2: Script attempted to access nonexistent global variable 'string'",
    ),
    (
        "return ('x'):rep(2) .. foo",
        "Error registering functions: ERR user_function:2: Script attempted to access nonexistent global variable 'foo'",
    ),
    (
        "error('oops')",
        "Error registering functions: ERR user_function:2: Script attempted to access nonexistent global variable 'error'",
    ),
    (
        "error({err='x'})",
        "Error registering functions: ERR user_function:2: Script attempted to access nonexistent global variable 'error'",
    ),
    (
        "return pcall(error)",
        "Error registering functions: ERR user_function:2: Script attempted to access nonexistent global variable 'pcall'",
    ),
    (
        "return KEYS",
        "Error registering functions: ERR user_function:2: Script attempted to access nonexistent global variable 'KEYS'",
    ),
    (
        "return _G",
        "Error registering functions: ERR user_function:2: Script attempted to access nonexistent global variable '_G'",
    ),
    (
        "getmetatable(redis).__index = nil",
        "Error registering functions: ERR user_function:2: Script attempted to access nonexistent global variable 'getmetatable'",
    ),
    ("redis.log = 1", "Error registering functions: ERR user_function:2: Attempt to modify a readonly table"),
];

/// Bodies of functions, and what a call replies.
pub(crate) const FAILING: &[(&str, &str)] = &[
    (
        "return redis.register_function('g', function() end)",
        "-ERR user_function:2: attempt to call field 'register_function' (a nil value) script: f, on @user_function:2.\r\n",
    ),
    (
        "redis.register_function('g', function() end)",
        "-ERR user_function:2: attempt to call field 'register_function' (a nil value) script: f, on @user_function:2.\r\n",
    ),
    (
        "return foo",
        "-ERR user_function:2: Script attempted to access nonexistent global variable 'foo' script: f, on @user_function:2.\r\n",
    ),
    (
        "foo = 1",
        "-ERR user_function:2: Attempt to modify a readonly table script: f, on @user_function:2.\r\n",
    ),
    (
        "redis.call('nosuch')",
        "-ERR Unknown Redis command called from script script: f, on @user_function:2.\r\n",
    ),
    (
        "return redis.call('get')",
        "-ERR Wrong number of args calling Redis command from script script: f, on @user_function:2.\r\n",
    ),
    ("error('oops')", "-ERR user_function:2: oops script: f, on @user_function:2.\r\n"),
    ("error({err='MY error'})", "-MY error script: f, on @user_function:2.\r\n"),
    (
        "return KEYS",
        "-ERR user_function:2: Script attempted to access nonexistent global variable 'KEYS' script: f, on @user_function:2.\r\n",
    ),
    ("return _G.redis == redis", ":1\r\n"),
    ("return redis.pcall('nosuch')", "-ERR Unknown Redis command called from script\r\n"),
    (
        "redis.x = 1",
        "-ERR user_function:2: Attempt to modify a readonly table script: f, on @user_function:2.\r\n",
    ),
    (
        "string.x = 1",
        "-ERR user_function:2: Attempt to modify a readonly table script: f, on @user_function:2.\r\n",
    ),
    ("return tostring(getmetatable(_G) == nil)", "$5\r\nfalse\r\n"),
    ("return type(_G)", "$5\r\ntable\r\n"),
    ("return {tostring(rawget(_G, 'redis') == redis)}", "*1\r\n$4\r\ntrue\r\n"),
    ("return pcall(function() x = 1 end)", "$-1\r\n"),
    ("return redis.error_reply('A b')", "-A b\r\n"),
    ("return redis.status_reply('A b')", "+A b\r\n"),
    ("return {1,2,{3}}", "*3\r\n:1\r\n:2\r\n*1\r\n:3\r\n"),
    (
        "return print",
        "-ERR user_function:2: Script attempted to access nonexistent global variable 'print' script: f, on @user_function:2.\r\n",
    ),
];

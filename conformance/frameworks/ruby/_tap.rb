# Checks, and their report in the lines of the Test Anything Protocol. Waiting is for conditions, never for times.

module Tap
  LIMIT_SECONDS = 60
  OUTCOMES = []

  module_function

  # Runs one check; what it raises is its failure.
  def check(name)
    yield
    OUTCOMES << true
    puts "ok - #{name}"
  rescue StandardError => error
    OUTCOMES << false
    puts "not ok - #{name}"
    puts "# #{error.class}: #{error.message}".gsub("\n", "\n# ")
    error.backtrace.first(8).each { |line| puts "# #{line}" }
  ensure
    $stdout.flush
  end

  def assert_equal(expected, found)
    raise "expected #{expected.inspect}, found #{found.inspect}" unless expected == found
  end

  # Waits until the block answers something true, and answers that.
  def eventually(what)
    deadline = Process.clock_gettime(Process::CLOCK_MONOTONIC) + LIMIT_SECONDS
    loop do
      answer = yield
      return answer if answer
      raise "never seen: #{what}" if Process.clock_gettime(Process::CLOCK_MONOTONIC) > deadline

      sleep 0.01
    end
  end

  # Says how many checks there were, and ends.
  def finish
    puts "1..#{OUTCOMES.size}"
    exit(OUTCOMES.all? ? 0 : 1)
  end
end
